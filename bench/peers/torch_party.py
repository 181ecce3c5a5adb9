"""torch_party.py WORKLOAD FOLDER THREADS VARIANT: PyTorch's side, with the commands of ours/main.c.

VARIANT is eager or scripted, with nchw or channels-last: "scripted-channels-last". Or it is "exact", eager in
double precision, whose training step tells everyone's rounding apart from mistakes.
"""
import json
import sys
import time

import numpy
import torch

import mini
import tensors
import workloads


def blas_in_use():
    """The library that this process has mapped: the pthread one would be an unfair peer."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        names = {line.split()[-1] for line in maps if "blas" in line}
    return sorted(names)


def to_layout(value, channels_last):
    value = value.to(torch.get_default_dtype()) if value.is_floating_point() else value
    return value.contiguous(memory_format=torch.channels_last) if channels_last and value.dim() == 4 else value


class Inference:
    def __init__(self, name, folder, scripted, channels_last):
        self.name = name
        model = workloads.load_model(name, folder).eval()
        if channels_last:
            model = model.to(memory_format=torch.channels_last)
        if scripted:
            model = torch.jit.freeze(torch.jit.script(model))
            if not channels_last:  # it converts to a layout of its own
                model = torch.jit.optimize_for_inference(model)
        self.model = model
        inputs = {key: to_layout(value, channels_last) for key, value in workloads.load_inputs(folder).items()}
        self.arguments = workloads.arguments(name, inputs)
        self.outputs = None

    def run(self):
        with torch.inference_mode():
            self.outputs = self.model(*self.arguments)

    def written(self):
        return workloads.answers(self.name, self.outputs)


class Average:
    """Of weights and buffers, as our optimiser keeps it."""

    def __init__(self, values, decay):
        self.values, self.decay, self.steps = values, decay, 0
        self.averages = [value.clone() for value in values]

    def update(self):
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        torch._foreach_mul_(self.averages, decay)
        torch._foreach_add_(self.averages, self.values, alpha=1 - decay)


class Training:
    def __init__(self, name, folder, scripted, channels_last):
        self.name = name
        self.plain = workloads.load_model(name, folder).train().to(torch.get_default_dtype())
        if channels_last:
            self.plain = self.plain.to(memory_format=torch.channels_last)
        self.model = torch.jit.script(self.plain) if scripted else self.plain
        self.inputs = {key: to_layout(value, channels_last) for key, value in workloads.load_inputs(folder).items()}
        self.arguments = workloads.arguments(name, self.inputs)
        self.parameters = list(self.plain.parameters())
        self.average = None
        if name == "unet-train":
            self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-3, weight_decay=0.01, foreach=True)
        else:
            self.optimiser = torch.optim.AdamW(self.groups(), lr=1e-3, betas=(0.9, 0.99), foreach=True)
            floats = [value for value in self.plain.state_dict().values() if value.is_floating_point()]
            self.average = Average(floats, 0.998)
        self.loss = None
        self.gradients = None
        self.keep_gradients = False

    def groups(self):
        """Decay of matrices and kernels, none of the text part's, which learns at its own rate."""
        words, decayed, others = [], [], []
        for name, value in self.plain.named_parameters():
            if name.startswith("words."):
                words.append(value)
            elif value.dim() > 1:
                decayed.append(value)
            else:
                others.append(value)
        return [{"params": words, "lr": 1e-3 * mini.WORD_RATE, "weight_decay": 0},
                {"params": decayed, "weight_decay": 0.02}, {"params": others, "weight_decay": 0}]

    def clip(self):
        gradients = [value.grad for value in self.parameters]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, float(min(1.0, 1.0 / (float(norm) + 1e-6))))

    def run(self):
        self.optimiser.zero_grad(set_to_none=True)
        self.loss = workloads.loss_of(self.name, self.model(*self.arguments), self.inputs)
        self.loss.backward()
        if self.keep_gradients:
            self.gradients = {key: value.grad.clone() for key, value in self.plain.named_parameters()}
        if self.average:
            self.clip()
        self.optimiser.step()
        if self.average:
            self.average.update()

    def written(self):
        import unet
        outputs = {"loss": self.loss.detach().reshape(1)}
        state = self.plain.state_dict()
        for key, own in workloads.parameter_names(self.name, self.plain):
            outputs["after." + own] = unet.to_ours(key, state[key])
            if key in self.gradients:
                outputs["gradient." + own] = unet.to_ours(key, self.gradients[key])
        return outputs


def main():
    name, folder, threads, variant = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    begin = time.monotonic()
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    if variant == "exact":
        torch.set_default_dtype(torch.float64)
    kind = Training if workloads.is_training(name) else Inference
    party = kind(name, folder, variant.startswith("scripted"), variant.endswith("channels-last"))
    facts = {"load_seconds": round(time.monotonic() - begin, 3), "with": "torch " + torch.__version__,
             "blas": blas_in_use(), "threads": torch.get_num_threads()}
    print("ready " + json.dumps(facts), flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "quit":
            return
        if command == "run":
            n = int(rest)
            begin = time.monotonic()
            for _ in range(n):
                party.run()
            print("seconds %.9f" % ((time.monotonic() - begin) / n), flush=True)
        elif command == "keep":  # gradients of the following run, for `outputs`
            party.keep_gradients = True
            print("kept", flush=True)
        elif command == "outputs":
            values = {key: numpy.ascontiguousarray(value.detach().numpy()) for key, value in party.written().items()}
            tensors.write(rest, values)
            print("written", flush=True)
        else:
            raise SystemExit("%r is no command" % command)


main()
