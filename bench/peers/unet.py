"""The U-Net of ours/unet.c in PyTorch: 32 to 512 channels, two 3x3 convolutions with batch norm and ReLU a
level, max pooling down, transposed 2x2 convolutions of stride 2 up, 1x1 head."""
from typing import List

import torch
from torch import nn

WIDTHS = [32, 64, 128, 256, 512]


class Unit(nn.Module):
    def __init__(self, ic: int, oc: int):
        super().__init__()
        self.conv = nn.Conv2d(ic, oc, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(oc)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.norm(self.conv(x)))


class Level(nn.Module):
    def __init__(self, ic: int, oc: int):
        super().__init__()
        self.first = Unit(ic, oc)
        self.second = Unit(oc, oc)

    def forward(self, x):
        return self.second(self.first(x))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList(Level(ic, oc) for ic, oc in zip([3] + WIDTHS[:-1], WIDTHS))
        # Deepest first, because TorchScript walks a list in its own order only.
        self.lift = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2, bias=False) for c in WIDTHS[-2::-1])
        self.up = nn.ModuleList(Level(2 * c, c) for c in WIDTHS[-2::-1])
        self.head = nn.Conv2d(WIDTHS[0], 1, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        skips: List[torch.Tensor] = []
        for i, level in enumerate(self.down):
            x = level(self.pool(x) if i else x)
            skips.append(x)
        at = len(skips) - 2
        for lift, level in zip(self.lift, self.up):
            x = level(torch.cat([skips[at], lift(x)], 1))
            at -= 1
        return self.head(x)


def our_name(name):
    """lift.0 of the list makes the deepest level; ours are numbered by level."""
    part = name.split(".")
    if part[0] in ("lift", "up"):
        part[1] = str(len(WIDTHS) - 2 - int(part[1]))
    return ".".join(part)


def to_ours(name, value):
    """[ic, oc, 2, 2] of a transposed convolution -> [4 oc, ic, 1, 1], row oc * 4 + dy * 2 + dx."""
    if name.startswith("lift."):
        ic, oc = value.shape[:2]
        return value.permute(1, 2, 3, 0).reshape(4 * oc, ic, 1, 1)
    return value


def from_ours(name, value):
    if name.startswith("lift."):
        rows, ic = value.shape[:2]
        return value.reshape(rows // 4, 2, 2, ic).permute(3, 0, 1, 2).contiguous()
    return value


def initialise(model):
    """Ordinary values everywhere: He's rule, and statistics of a norm that has seen something."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.uniform_(module.bias, -0.1, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)


def loss_of(logits, target):
    """Mean over the batch of binary cross entropy + soft Dice with smooth 1; [n, 1, h, w]."""
    bce = nn.functional.binary_cross_entropy_with_logits(logits, target)
    s = torch.sigmoid(logits).flatten(1)
    t = target.flatten(1)
    dice = 1 - (2 * (s * t).sum(1) + 1) / (s.sum(1) + t.sum(1) + 1)
    return bce + dice.mean()
