"""Which shop files make a DAG, and what is wrong with the others: one faulty file must not take the other shops' nights down."""

from collections.abc import Iterator
from pathlib import Path

import shop as shops
from settings import PROJECT_ROOT


def usable(folder: Path) -> Iterator[tuple[Path, shops.Shop]]:
    """Each sound shop file of `folder`, by name, with what it says; `faults` names the ones that are passed over."""
    return ((file, shop) for file, shop in _read(folder) if isinstance(shop, shops.Shop))


def faults(folder: Path) -> list[str]:
    """What is wrong with the files of `folder` that make no DAG, a message per file."""
    return [str(shop) for _, shop in _read(folder) if isinstance(shop, shops.ShopFileError)]


def shown(file: Path) -> str:
    """A file's path as commands name it: from the project's root where it lies below it."""
    return str(file.relative_to(PROJECT_ROOT)) if file.is_relative_to(PROJECT_ROOT) else str(file)


def _read(folder: Path) -> Iterator[tuple[Path, shops.Shop | shops.ShopFileError]]:
    seen: dict[str, Path] = {}
    for file in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        try:
            shop = shops.read(file)
            if shop.name in seen:
                raise shops.ShopFileError(f"{file}: name: {shop.name} is the name of {seen[shop.name]} already")
        except shops.ShopFileError as error:
            yield file, error
        else:
            seen[shop.name] = file
            yield file, shop
