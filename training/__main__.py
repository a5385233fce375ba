"""Pack photographs, train on them, export and quantise networks, compare them: python -m training COMMAND --help."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence
from dataclasses import fields

from . import packs


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for add in (_pack, _train, _export, _quantise, _compare):
        add(commands)
    return parser.parse_args(words)


def _pack(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("pack", help="put the photographs of a folder into one file")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("pack", type=pathlib.Path)
    command.add_argument("--side", type=int, default=512, help="short side in px at most (512)")
    command.add_argument("--quality", type=int, default=80, help="of WebP, 1 to 100 (80)")
    command.set_defaults(run=pack)


def _train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from .trainer import Plan

    command = commands.add_parser("train", help="train for a set time, on a GPU where there is one")
    command.add_argument("sources", nargs="+", metavar="PACK[:SHARE]", help="photographs, and how often they are used")
    command.add_argument("--out", type=pathlib.Path, required=True, help="folder for network.pt")
    command.add_argument("--begin", type=pathlib.Path, help="weights to go on from: an ONNX file or network.pt")
    command.add_argument("--lpips", type=pathlib.Path, help="weights of the perceptual distance, .npz")
    command.add_argument("--masks", type=int, default=24_000, help="how many holes (24000)")
    command.add_argument("--width", type=int, default=64, help="of a new network: channels at half resolution (64)")
    command.add_argument("--seed", type=int, default=1)
    for item in fields(Plan):
        if isinstance(item.default, bool):
            command.add_argument(f"--no-{item.name}", dest=item.name, action="store_false")
        else:
            option = "--" + item.name.replace("_", "-")
            command.add_argument(option, type=type(item.default), default=item.default, help=f"({item.default})")
    command.set_defaults(run=train)


def _export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("export", help="write trained weights as an ONNX file")
    command.add_argument("weights", type=pathlib.Path, help="network.pt")
    command.add_argument("model", type=pathlib.Path, help="the ONNX file")
    command.add_argument("--store", choices=("int8", "float16", "float32"), default="int8", help="weights as (int8)")
    command.set_defaults(run=export)


def _quantise(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("quantise", help="round the activations of an ONNX file to 8 bits, to run it faster")
    command.add_argument("model", type=pathlib.Path, help="an ONNX file that `export` wrote")
    command.add_argument("quantised", type=pathlib.Path, help="the new ONNX file")
    command.add_argument("packs", nargs="+", type=pathlib.Path, metavar="PACK", help="photographs to find ranges on")
    command.add_argument("--count", type=int, default=16, help="how many crops of each pack (16)")
    command.set_defaults(run=quantise)


def _compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("compare", help="measure ONNX files on photographs they were not trained on")
    command.add_argument("models", nargs="+", type=pathlib.Path)
    command.add_argument("--pack", type=pathlib.Path, required=True)
    command.add_argument("--lpips", type=pathlib.Path, help="weights of the perceptual distance, .npz")
    command.add_argument("--count", type=int, default=256, help="how many crops (256)")
    command.set_defaults(run=compare)


def pack(options: argparse.Namespace) -> None:
    """Write a pack and say how many pictures are in it."""
    count = packs.write(packs.photographs(options.folder), options.pack, options.side, options.quality)
    print(f"{count} pictures, {options.pack.stat().st_size / 2**20:.1f} MiB")


def train(options: argparse.Namespace) -> None:
    """Train as the command line says."""
    from .session import Session
    from .trainer import Plan

    plan = Plan(**{item.name: getattr(options, item.name) for item in fields(Plan)})
    session = Session(plan, options.out, options.lpips, options.seed, options.width)
    session.run(options.sources, options.masks, options.begin)


def export(options: argparse.Namespace) -> None:
    """Write the ONNX file."""
    from . import graph, state
    from .network import LayoutNetwork

    graph.export(LayoutNetwork.holding(state.load(options.weights)), options.model, options.store)


def quantise(options: argparse.Namespace) -> None:
    """Write the quantised ONNX file."""
    from .crops import crops
    from .integers import quantise as quantised

    quantised(options.model, options.quantised, crops(options.packs, options.count))


def compare(options: argparse.Namespace) -> None:
    """Print a line for each network."""
    from .compare import compare as measured

    for name, figures in measured(options.models, options.pack, options.lpips, options.count).items():
        print(f"{name}: {figures}")


def main(words: Sequence[str] | None = None) -> None:
    """Run a command. words: the command line, the program's own where None."""
    options = arguments(words)
    options.run(options)


if __name__ == "__main__":
    main()
