"""Calls methods of pyln-client's LightningRpc: a JSON list of [method, arguments] comes in, a JSON list of answers goes out."""
import json
import sys

from pyln.client import LightningRpc, RpcError

rpc = LightningRpc(sys.argv[1])


def answer(method, arguments):
    try:
        return {"result": getattr(rpc, method)(**arguments)}
    except RpcError as error:
        return {"error": error.error}


print(json.dumps([answer(method, arguments) for method, arguments in json.load(sys.stdin)], default=int))
