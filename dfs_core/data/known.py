"""The public data sets known by name: classes, sizes, channel statistics and files."""

from __future__ import annotations

from dataclasses import dataclass

Channels = tuple[float, float, float]

_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """Facts about a public data set.

    Attributes:
        name: its name in configurations and on the command line.
        title: its name in text.
        classes: class names; a label is an index into them.
        mean: mean of each channel (red, green, blue) over the training set, in units of 0 to 1.
        std: standard deviation of each channel, in the same units.
        train_size: number of images of the full training set.
        test_size: number of images of the full test set.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    mean: Channels
    std: Channels
    train_size: int
    test_size: int

    def size(self, split: str) -> int:
        """Number of images of the full ``train`` or ``test`` split."""
        return self.train_size if split == "train" else self.test_size


KNOWN: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            name="cifar10",
            title="CIFAR-10",
            classes=tuple(_CIFAR10.split()),
            mean=(0.4914, 0.4822, 0.4465),
            std=(0.2470, 0.2435, 0.2616),
            train_size=50_000,
            test_size=10_000,
        ),
        DatasetInfo(
            name="cifar100",
            title="CIFAR-100",
            classes=tuple(_CIFAR100.split()),
            mean=(0.5071, 0.4865, 0.4409),
            std=(0.2673, 0.2564, 0.2762),
            train_size=50_000,
            test_size=10_000,
        ),
        DatasetInfo(
            name="svhn",
            title="SVHN",
            classes=tuple("0123456789"),
            mean=(0.4377, 0.4438, 0.4728),
            std=(0.1980, 0.2010, 0.1970),
            train_size=73_257,
            test_size=26_032,
        ),
    )
}


def title_of(dataset: str) -> str:
    """The name of a data set in text: ``CIFAR-10`` for ``cifar10``, and the name of its folder for an own one."""
    return KNOWN[dataset].title if dataset in KNOWN else dataset


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of a data set that ``torchvision.datasets`` puts into the data folder.

    Attributes:
        downloads: name and size in bytes of each downloaded file.
        folder: the folder they are unpacked to; None if they are not unpacked.
    """

    downloads: dict[str, int]
    folder: str | None = None


ARCHIVES: dict[str, Archive] = {
    "cifar10": Archive({"cifar-10-python.tar.gz": 170_498_071}, "cifar-10-batches-py"),
    "cifar100": Archive({"cifar-100-python.tar.gz": 169_001_437}, "cifar-100-python"),
    "svhn": Archive({"train_32x32.mat": 182_040_794, "test_32x32.mat": 64_275_384}),
}
