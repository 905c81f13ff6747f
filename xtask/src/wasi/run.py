"""Runs a WASI program in Wasmtime: `run.py program.wasm argument…`, as cargo and nextest run the tests of a target.

It gets the arguments, the environment, the standard streams, the network and an empty folder as /tmp, which goes with it.
What was compiled is kept beside the program: each test is a run of its own.
"""

import os
import sys
import tempfile

from wasmtime import Config, Engine, ExitTrap, Store, WasiConfig, WasmtimeError
# Not in the package's own interface yet.
from wasmtime._bindings import wasi_config_allow_ip_name_lookup, wasi_config_inherit_network
from wasmtime.component import Component, Linker

# What a shell says of a program that aborted.
ABORTED = 134


def compiled(engine, program):
    kept = program + ".compiled"
    if os.path.exists(kept) and os.path.getmtime(kept) > os.path.getmtime(program):
        return Component.deserialize_file(engine, kept)
    component = Component.from_file(engine, program)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(kept), delete=False) as file:
        file.write(component.serialize())
    os.replace(file.name, kept)
    return component


def configured(arguments, folder):
    wasi = WasiConfig()
    wasi.argv = arguments
    wasi.inherit_env()
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(folder, "/tmp")
    wasi_config_inherit_network(wasi.ptr())
    wasi_config_allow_ip_name_lookup(wasi.ptr(), True)
    return wasi


def run(arguments, folder):
    engine = Engine(Config())
    component = compiled(engine, os.path.abspath(arguments[0]))
    linker = Linker(engine)
    linker.add_wasip2()
    store = Store(engine)
    store.set_wasi(configured(arguments, folder))
    instance = linker.instantiate(store, component)
    name = next(name for name in component.type.exports(engine) if name.startswith("wasi:cli/run@"))
    index = instance.get_export_index(store, "run", instance.get_export_index(store, name))
    try:
        result = instance.get_func(store, index)(store)
    except ExitTrap as exit:
        return exit.code
    except WasmtimeError as error:
        print(error, file=sys.stderr)
        return ABORTED
    return 0 if result.tag == "ok" else 1


with tempfile.TemporaryDirectory() as folder:
    code = run(sys.argv[1:], folder)
sys.exit(code)
