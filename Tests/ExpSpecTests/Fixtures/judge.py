"""Judges YAML files by a JSON Schema, independently of the Swift validation.

usage: judge.py SCHEMA LIST VERDICTS    LIST names a file per line; VERDICTS becomes a JSON object:
file -> null if valid, else the first reason

The files are read with PyYAML under the core schema of YAML 1.2 (its own default is YAML 1.1), then validated by
the `jsonschema` package, draft 2020-12.
"""

import json
import re
import sys

import yaml
from jsonschema import Draft202012Validator


class CoreLoader(yaml.SafeLoader):
    """SafeLoader without the implicit types of YAML 1.1."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("merge", r"^<<$", ["<"]),
]:
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def integer(loader, node):
    text = loader.construct_scalar(node)
    if text.startswith("0o"):
        return int(text[2:], 8)
    return int(text, 16) if text.startswith("0x") else int(text, 10)


CoreLoader.add_constructor("tag:yaml.org,2002:int", integer)
CoreLoader.add_constructor("tag:yaml.org,2002:float", lambda l, n: float(l.construct_scalar(n)))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    verdicts = {}
    with open(sys.argv[2], encoding="utf-8") as file:
        paths = file.read().split("\n")
    for path in paths:
        if not path:
            continue
        with open(path, encoding="utf-8-sig") as file:
            document = yaml.load(file, CoreLoader)
        error = next(validator.iter_errors(document), None)
        verdicts[path] = None if error is None else f"{error.json_path}: {error.message}"
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(verdicts, file)


main()
