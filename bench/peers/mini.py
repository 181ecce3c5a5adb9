"""mini in PyTorch, re-stated from docs/models/mini.md and src/models/mini/network.c. Parameters have the
names of models/mini.safetensors; tensors are NCHW here."""
from collections import OrderedDict
from typing import List, Tuple

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = [16, 32, 64, 128, 192]
BLOCKS = [1, 2, 2, 3, 2]
CONDITION = 128
BUCKETS = 4096
WORD_WIDTH = 64
MAPS = 3
WORD_RATE = 0.2  # of the learning rate, for the text part
PRESENCE_WEIGHT, AUXILIARY_WEIGHT = 0.3, 0.2  # of the recipe


class Unit(nn.Module):
    """A 3x3 convolution and its norm."""

    def __init__(self, ic: int, oc: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(ic, oc, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(oc)

    def forward(self, x):
        return self.norm(self.conv(x))


class Down(Unit):
    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Block(nn.Module):
    """relu(x + second(relu(first(x))))"""

    def __init__(self, c: int):
        super().__init__()
        self.first = Unit(c, c)
        self.second = Unit(c, c)

    def forward(self, x):
        return F.relu(x + self.second(F.relu(self.first(x))))


class FilmBlock(nn.Module):
    """The same, with (1 + g) y + b between the first norm and its ReLU."""

    def __init__(self, c: int):
        super().__init__()
        self.first = Unit(c, c)
        self.second = Unit(c, c)
        self.film = nn.Linear(CONDITION, 2 * c)

    def forward(self, x, condition):
        g, b = self.film(condition).unsqueeze(2).unsqueeze(3).chunk(2, 1)
        y = F.relu(torch.addcmul(b, self.first(x), 1 + g))
        return F.relu(x + self.second(y))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        ic = 12
        for s, (c, n) in enumerate(zip(WIDTHS, BLOCKS)):
            layers = OrderedDict(down=Down(ic, c, 2 if s else 1))
            for b in range(n):
                layers["block%d" % b] = Block(c)
            self.add_module("stage%d" % s, nn.Sequential(layers))
            ic = c

    def forward(self, image):
        f0 = self.stage0(F.pixel_unshuffle(image, 2))
        f1 = self.stage1(f0)
        f2 = self.stage2(f1)
        f3 = self.stage3(f2)
        return [f0, f1, f2, f3, self.stage4(f3)]


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(BUCKETS, WORD_WIDTH)
        self.hidden = nn.Linear(WORD_WIDTH, CONDITION)
        self.out = nn.Linear(CONDITION, CONDITION)
        self.norm = nn.LayerNorm(CONDITION)

    def forward(self, index):
        """index [p, words], -1 for none: the mean of their rows, or zeros."""
        given = (index >= 0).unsqueeze(2).to(self.hidden.weight.dtype)
        rows = self.table(index.clamp(min=0)) * given
        mean = rows.sum(1) / given.sum(1).clamp(min=1.0)
        return self.norm(self.out(F.relu(self.hidden(mean))))


class Condition(nn.Module):
    def __init__(self):
        super().__init__()
        self.flags = nn.Linear(3, CONDITION)
        self.out = nn.Linear(CONDITION, CONDITION)

    def forward(self, words, flags):
        return F.relu(self.out(F.relu(words * flags[:, :1] + self.flags(flags))))


def pointwise(ic: int, oc: int):
    return nn.Conv2d(ic, oc, 1, bias=False)


class Bottom(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.features = pointwise(c, c)
        self.maps = pointwise(MAPS, c)
        self.norm = nn.BatchNorm2d(c)
        self.block0 = FilmBlock(c)
        self.block1 = FilmBlock(c)

    def forward(self, features, maps, image_of, condition):
        x = self.features(features).index_select(0, image_of) + self.maps(maps)
        return self.block1(self.block0(F.relu(self.norm(x)), condition), condition)


class Up(nn.Module):
    def __init__(self, below: int, c: int):
        super().__init__()
        self.below = pointwise(below, c)
        self.skip = pointwise(c, c)
        self.maps = pointwise(MAPS, c)
        self.norm = nn.BatchNorm2d(c)
        self.block = FilmBlock(c)

    def forward(self, below, skip, maps, image_of, condition):
        lifted = F.interpolate(self.below(below), scale_factor=2.0, mode="nearest")
        x = lifted + self.skip(skip).index_select(0, image_of) + self.maps(maps)
        return self.block(F.relu(self.norm(x)), condition)


class Head(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(c)
        self.out = nn.Conv2d(c, 4, 1)

    def forward(self, x):
        return F.pixel_shuffle(self.out(F.relu(self.norm(self.conv(x)))), 2)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bottom = Bottom(WIDTHS[4])
        self.up0 = Up(WIDTHS[4], WIDTHS[3])
        self.up1 = Up(WIDTHS[3], WIDTHS[2])
        self.up2 = Up(WIDTHS[2], WIDTHS[1])
        self.up3 = Up(WIDTHS[1], WIDTHS[0])
        self.head = Head(WIDTHS[0])

    def forward(self, features: List[torch.Tensor], maps: List[torch.Tensor], image_of, condition):
        bottom = self.bottom(features[4], maps[4], image_of, condition)
        x0 = self.up0(bottom, features[3], maps[3], image_of, condition)
        x1 = self.up1(x0, features[2], maps[2], image_of, condition)
        x2 = self.up2(x1, features[1], maps[1], image_of, condition)
        x3 = self.up3(x2, features[0], maps[0], image_of, condition)
        return self.head(x3), bottom, [x2, x1, x0]


class Presence(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2 * WIDTHS[4] + CONDITION, CONDITION)
        self.out = nn.Linear(CONDITION, 1)

    def forward(self, bottom, condition):
        parts = torch.cat([bottom.mean((2, 3)), bottom.amax((2, 3)), condition], 1)
        return self.out(F.relu(self.hidden(parts)))


class Mini(nn.Module):
    def __init__(self, training_heads: bool):
        super().__init__()
        self.encoder = Encoder()
        self.words = Words()
        self.condition = Condition()
        self.decoder = Decoder()
        self.presence = Presence()
        if training_heads:
            self.auxiliary0 = nn.Conv2d(WIDTHS[1], 1, 1)
            self.auxiliary1 = nn.Conv2d(WIDTHS[2], 1, 1)
            self.auxiliary2 = nn.Conv2d(WIDTHS[3], 1, 1)

    def answer(self, image, word_indices, flags, maps,
               image_of) -> Tuple[torch.Tensor, torch.Tensor, List[torch.Tensor]]:
        features = self.encoder(image)
        condition = self.condition(self.words(word_indices), flags)
        box, clicks = maps[:, :1], maps[:, 1:]
        pyramid: List[torch.Tensor] = []
        for _ in range(5):
            box = F.avg_pool2d(box, 2)
            clicks = F.max_pool2d(clicks, 2)
            pyramid.append(torch.cat([box, clicks], 1))
        logits, bottom, coarse = self.decoder(features, pyramid, image_of, condition)
        return logits, self.presence(bottom, condition), coarse


class MiniInference(Mini):
    def __init__(self):
        super().__init__(False)

    def forward(self, image, word_indices, flags, maps, image_of):
        logits, presence, _ = self.answer(image, word_indices, flags, maps, image_of)
        return logits, presence


class MiniTraining(Mini):
    def __init__(self):
        super().__init__(True)

    def forward(self, image, word_indices, flags, maps, image_of):
        logits, presence, coarse = self.answer(image, word_indices, flags, maps, image_of)
        return logits, presence, self.auxiliary0(coarse[0]), self.auxiliary1(coarse[1]), self.auxiliary2(coarse[2])


def pixel_losses(logits, target, mask_weight, dice_weight):
    """Weighted sums over the prompts of binary cross entropy and of soft Dice with smooth 1."""
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(1).mean(1)
    s, t = torch.sigmoid(logits).flatten(1), target.flatten(1)
    dice = 1 - (2 * (s * t).sum(1) + 1) / (s.sum(1) + t.sum(1) + 1)
    return (bce * mask_weight).sum() + (dice * dice_weight).sum()


def loss_of(outputs: List[torch.Tensor], batch):
    """The loss of src/train/trainee.c."""
    n = batch["mask_weight"].shape[0]
    mask_weight = batch["mask_weight"] / n
    dice_weight = batch["dice_weight"] / batch["dice_weight"].sum().clamp(min=1.0)
    target = batch["targets"]
    main = pixel_losses(outputs[0], target, mask_weight, dice_weight)
    presence = F.binary_cross_entropy_with_logits(outputs[1][:, 0], batch["present"])
    auxiliary = torch.zeros(())
    target = F.avg_pool2d(target, 2)
    for logits in outputs[2:]:
        target = F.avg_pool2d(target, 2)
        auxiliary = auxiliary + pixel_losses(logits, target, mask_weight, dice_weight)
    return main + PRESENCE_WEIGHT * presence + AUXILIARY_WEIGHT * auxiliary
