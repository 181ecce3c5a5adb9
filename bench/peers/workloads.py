"""The workloads: their weights and inputs, made once for all parties, and their PyTorch side.

A folder has weights.safetensors (our names and layouts), inputs.safetensors (channels-last), and for
ONNX Runtime model.onnx with inputs_nchw.safetensors.
"""
import os
import shutil

import numpy
import torch

import mini
import tensors
import unet

NAMES = ["unet", "unet-train", "mini", "mini-train"]
TRAINED = {"unet-train", "mini-train"}
IMAGES = {"images", "maps", "targets"}  # [n, h, w, c] in the files, or [n, h, w]
MINI_INPUTS = ["images", "word_indices", "flags", "maps", "image_of"]


def is_training(name):
    return name in TRAINED


def build(name):
    if name.startswith("unet"):
        return unet.UNet()
    return mini.MiniTraining() if name == "mini-train" else mini.MiniInference()


# ---- files ----

def discs(n, size, seed):
    """Smooth pictures with a disc each, and the discs."""
    draw = numpy.random.RandomState(seed)
    y, x = numpy.mgrid[:size, :size] / size
    images, targets = [], []
    for _ in range(n):
        cy, cx, r = draw.uniform(0.3, 0.7, 2).tolist() + [draw.uniform(0.1, 0.25)]
        disc = ((y - cy) ** 2 + (x - cx) ** 2 < r * r).astype(numpy.float32)
        waves = 0.3 + 0.1 * numpy.sin(20 * draw.uniform(0.5, 1.5) * x + 15 * y)
        picture = waves[:, :, None] * draw.uniform(0.7, 1.3, 3) + 0.4 * disc[:, :, None]
        images.append(picture + draw.normal(0, 0.02, picture.shape))
        targets.append(disc)
    return numpy.float32(images), numpy.float32(targets)


def unet_files(folder, training):
    torch.manual_seed(1)
    model = build("unet")
    unet.initialise(model)
    weights = {unet.our_name(name): unet.to_ours(name, value).numpy()
               for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    tensors.write(os.path.join(folder, "weights.safetensors"), weights)
    images, targets = discs(4 if training else 1, 256, 2)
    inputs = {"images": images}
    if training:
        inputs["targets"] = targets[:, :, :, None]
    tensors.write(os.path.join(folder, "inputs.safetensors"), inputs)


def mini_prompts(n_images, per_image, size):
    """Box, click, words and all of them, in turn."""
    n = n_images * per_image
    images, discs_of = discs(n_images, size, 3)
    draw = numpy.random.RandomState(4)
    words = numpy.full((n, 64), -1, numpy.int32)
    flags = numpy.zeros((n, 3), numpy.float32)
    maps = numpy.zeros((n, size, size, 3), numpy.float32)
    image_of = numpy.repeat(numpy.arange(n_images), per_image).astype(numpy.int32)
    y, x = numpy.mgrid[:size, :size]
    for p in range(n):
        rows, columns = numpy.nonzero(discs_of[image_of[p]])
        if p % 3 != 1:
            flags[p, 1] = 1
            maps[p, rows.min():rows.max() + 1, columns.min():columns.max() + 1, 0] = 1
        if p % 3 != 2:
            flags[p, 2] = 1
            sigma = size / 64
            maps[p, :, :, 1] = numpy.exp(-((y - rows.mean()) ** 2 + (x - columns.mean()) ** 2) / (2 * sigma * sigma))
        if p % 2 == 0:
            flags[p, 0] = 1
            words[p, :12] = draw.randint(0, mini.BUCKETS, 12)
    inputs = {"images": images, "word_indices": words, "flags": flags, "maps": maps, "image_of": image_of}
    return inputs, discs_of[image_of]


def mini_files(folder, training, published):
    weights = os.path.join(folder, "weights.safetensors")
    inputs, targets = mini_prompts(8, 3, 128) if training else mini_prompts(1, 1, 256)
    if not training:
        shutil.copyfile(published, weights)
    else:
        torch.manual_seed(1)
        values = {name: value.astype(numpy.float32) for name, value in tensors.read(published).items()}
        for name, value in build("mini-train").state_dict().items():
            if name.startswith("auxiliary"):
                values[name] = value.numpy()
        tensors.write(weights, values)
        present = numpy.ones(len(targets), numpy.float32)
        present[::6] = 0  # asked for what is not there
        inputs.update(targets=targets * present[:, None, None], present=present, dice_weight=present,
                      mask_weight=numpy.ones(len(targets), numpy.float32))
    tensors.write(os.path.join(folder, "inputs.safetensors"), inputs)


def write_files(name, folder, published):
    os.makedirs(folder, exist_ok=True)
    if name.startswith("unet"):
        unet_files(folder, is_training(name))
    else:
        mini_files(folder, is_training(name), published)


# ---- PyTorch's side ----

def load_model(name, folder):
    model = build(name)
    values = tensors.read(os.path.join(folder, "weights.safetensors"))
    state = {}
    for key, own in model.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = own
            continue
        is_unet = name.startswith("unet")
        value = torch.from_numpy(values.pop(unet.our_name(key) if is_unet else key).astype(numpy.float32))
        state[key] = unet.from_ours(key, value) if is_unet else value
    if values:
        raise SystemExit("weights that the PyTorch network does not have: %s" % ", ".join(sorted(values)))
    model.load_state_dict(state)
    return model


def load_inputs(folder):
    """NCHW, contiguous."""
    inputs = {}
    for name, value in tensors.read(os.path.join(folder, "inputs.safetensors")).items():
        value = torch.from_numpy(value)
        if name == "targets" and value.dim() == 3:
            value = value[:, None]
        elif name in IMAGES:
            value = value.permute(0, 3, 1, 2)
        inputs[name] = value.long() if name in ("word_indices", "image_of") else value.contiguous()
    return inputs


def arguments(name, inputs):
    return (inputs["images"],) if name.startswith("unet") else tuple(inputs[key] for key in MINI_INPUTS)


def answers(name, outputs):
    """Named as ours, channels last."""
    if name.startswith("unet"):
        return {"logits": outputs.permute(0, 2, 3, 1)}
    return {"logits": outputs[0].permute(0, 2, 3, 1), "presence": outputs[1]}


def loss_of(name, outputs, inputs):
    if name == "unet-train":
        return unet.loss_of(outputs, inputs["targets"])
    return mini.loss_of(list(outputs), inputs)


def parameter_names(name, model):
    """Pairs of PyTorch's name and ours, of what training changes."""
    keys = [key for key in model.state_dict() if not key.endswith("num_batches_tracked")]
    return [(key, unet.our_name(key) if name.startswith("unet") else key) for key in keys]


def export_onnx(name, folder):
    """For ONNX Runtime; the inputs once more, NCHW."""
    model = load_model(name, folder).eval()
    inputs = load_inputs(folder)
    names = ["images"] if name.startswith("unet") else MINI_INPUTS
    outputs = ["logits"] if name.startswith("unet") else ["logits", "presence"]
    torch.onnx.export(model, arguments(name, inputs), os.path.join(folder, "model.onnx"), opset_version=13,
                      input_names=names, output_names=outputs)
    tensors.write(os.path.join(folder, "inputs_nchw.safetensors"), {key: inputs[key].numpy() for key in names})
