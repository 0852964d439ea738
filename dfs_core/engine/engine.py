"""Compile a network for the fastest kernels that this machine has."""

from __future__ import annotations

from typing import Literal

from dfs_core.engine.build import library
from dfs_core.engine.compiled import CompiledNet
from dfs_core.engine.library import LibraryEngine
from dfs_core.engine.native import NativeEngine
from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet

Kernels = Literal["auto", "library", "native"]
Engine = LibraryEngine | NativeEngine


def compile_network(model: DFSNet, kernels: Kernels = "auto", wait: bool = True) -> Engine:
    """Compile a trained network once, for inference on the CPU. Pass the result as ``execution``.

    Args:
        model: the network, in evaluation mode. After training it on, compile it again.
        kernels: ``native`` is C++ that is built here, ``library`` is PyTorch's own; ``auto`` takes the first if it can.
        wait: whether to wait some seconds for the compiler where native kernels were never built. Else ``auto`` takes
            PyTorch's, and the compiler runs in the background for the next call.

    Raises:
        UserError: the network is not on the CPU or has min-max quantisers; or native kernels were asked for, and this
            machine cannot build them or they cannot run this network.
    """
    if (where := next(model.parameters()).device.type) != "cpu":
        raise UserError(f"the engine runs on the CPU, and this network is on {where}: load it there")
    net = CompiledNet.of(model)
    built = None if kernels == "library" else library(wait or kernels == "native")
    if built is not None and NativeEngine.supports(net, built):
        return NativeEngine(net, built)
    if kernels == "native":
        raise UserError("native kernels need Linux, a C++ compiler, AVX-512 VNNI, and channels in sixteens")
    return LibraryEngine(net)
