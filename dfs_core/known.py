"""The public data sets that are known by name: their classes, sizes, channel statistics and files."""

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
    """What is known of a public data set before it is read.

    Attributes:
        name: its name here, in configurations and on the command line.
        classes: class names; a label is an index into them.
        mean: mean of each channel (red, green, blue) over the training set, in units of 0 to 1.
        std: standard deviation of each channel, in the same units.
        train_size: number of images of the full training set.
        test_size: number of images of the full test set.
    """

    name: str
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
            "cifar10", tuple(_CIFAR10.split()), (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), 50_000, 10_000
        ),
        DatasetInfo(
            "cifar100", tuple(_CIFAR100.split()), (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), 50_000, 10_000
        ),
        DatasetInfo("svhn", tuple("0123456789"), (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970), 73_257, 26_032),
    )
}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file to download: its address, its name in the data folder, and its MD5 sum."""

    url: str
    name: str
    md5: str


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of one data set: addresses, names and MD5 sums are those of ``torchvision.datasets``.

    Attributes:
        downloads: what is fetched; a ``.tar.gz`` is unpacked.
        files: what is read: relative path and MD5 sum, by split; ``both`` holds what neither split does without.
        label_key: the key of a CIFAR batch that holds the labels; empty for SVHN.
    """

    downloads: tuple[RemoteFile, ...]
    files: dict[str, tuple[tuple[str, str], ...]]
    label_key: str = ""


_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
_SVHN_URL = "http://ufldl.stanford.edu/housenumbers/"
_SVHN = {"train": "e26dedcc434d2e4c54c9b2d4a06d8373", "test": "eb5a983be6a315427106f1b164d9cef3"}
_BATCHES = (
    "c99cafc152244af753f735de768cd75f",
    "d4bba439e000b95fd0a9bffe97cbabec",
    "54ebc095f3ab1f0389bbae665268c751",
    "634d18415352ddfa80567beed471001a",
    "482c414d41f54cd18b22e5b47cb7c3cb",
)

ARCHIVES = {
    "cifar10": Archive(
        (
            RemoteFile(
                _CIFAR_URL + "cifar-10-python.tar.gz", "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"
            ),
        ),
        {
            "train": tuple((f"cifar-10-batches-py/data_batch_{n}", md5) for n, md5 in enumerate(_BATCHES, 1)),
            "test": (("cifar-10-batches-py/test_batch", "40351d587109b95175f43aff81a1287e"),),
            "both": (("cifar-10-batches-py/batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),),
        },
        "labels",
    ),
    "cifar100": Archive(
        (
            RemoteFile(
                _CIFAR_URL + "cifar-100-python.tar.gz", "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"
            ),
        ),
        {
            "train": (("cifar-100-python/train", "16019d7e3df5f24257cddd939b257f8d"),),
            "test": (("cifar-100-python/test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),),
            "both": (("cifar-100-python/meta", "7973b15100ade9c7d40fb424638fde48"),),
        },
        "fine_labels",
    ),
    "svhn": Archive(
        tuple(RemoteFile(f"{_SVHN_URL}{split}_32x32.mat", f"{split}_32x32.mat", md5) for split, md5 in _SVHN.items()),
        {split: ((f"{split}_32x32.mat", md5),) for split, md5 in _SVHN.items()},
    ),
}
