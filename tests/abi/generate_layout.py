#!/usr/bin/env python3
"""Writes the golden layout of the C ABI: static_asserts on every offset, size and constant of sdk/include/heddle/abi.

    tests/abi/generate_layout.py > tests/abi/layout_v1_0.cc      (once per released minor; then never edited)

A later minor gets a file of its own; the old ones must go on compiling against the new headers, except that sizes may have
grown: for those, the assertion is `>=`. Needs a C compiler (CC, default cc) to learn the numbers.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
headers = root / "sdk/include/heddle/abi"
order = ["base.h", "tensor.h", "ops.h", "call.h", "param.h", "interactions.h", "attributes.h", "backbone.h", "dictionary.h",
         "metric.h", "ranking_metric.h", "device.h", "plugin.h"]


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def fields_of(body):
    names = []
    for statement in body.split(";"):
        statement = " ".join(statement.split())
        if not statement:
            continue
        function = re.search(r"\(\*(\w+)\)\s*\(", statement)
        if function:
            names.append(function.group(1))
            continue
        for part in statement.split(","):
            names.append(re.search(r"(\w+)\s*(\[[^\]]*\])?\s*$", part).group(1))
    return names


structs, constants = [], []
for header in order:
    text = without_comments((headers / header).read_text())
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S):
        structs.append((match.group(1), fields_of(match.group(2))))
    for match in re.finditer(r"enum\s*\{(.*?)\}", text, flags=re.S):
        constants += re.findall(r"\b(HEDDLE_\w+)\s*=", match.group(1))
    constants += re.findall(r"#define (HEDDLE_ABI_MAJOR|HEDDLE_NOTE_TYPE)\b", text)

lines = ["#include <heddle/abi.h>", "#include <stdio.h>", "int main(void) {"]
for name, fields in structs:
    lines.append(f'  printf("S {name} %zu\\n", sizeof({name}));')
    for field in fields:
        lines.append(f'  printf("F {name} {field} %zu\\n", offsetof({name}, {field}));')
for name in constants:
    lines.append(f'  printf("C {name} %lld\\n", (long long){name});')
lines.append("  return 0;\n}")

with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder) / "layout.c"
    source.write_text("\n".join(lines))
    program = pathlib.Path(folder) / "layout"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c99", f"-I{root}/sdk/include", str(source), "-o", str(program)], check=True)
    rows = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()

out = ["// Golden layout of ABI 1.0: every offset, size and constant. Written by generate_layout.py then frozen: a change that",
       "// does not compile here breaks plugins that are out in the world. Nothing may move; structs grow at their end, and only",
       "// with a minor version.",
       "// clang-format off",
       '#include "heddle/abi.h"', "",
       "#define SIZE(type, n) static_assert(sizeof(type) == (n) || (HEDDLE_ABI_MINOR > 0 && sizeof(type) > (n)), #type)",
       '#define AT(type, field, n) static_assert(offsetof(type, field) == (n), #type "." #field)',
       "#define IS(name, n) static_assert((name) == (n), #name)"]


def put(text, fresh=False):
    if fresh or len(out[-1]) + len(text) + 1 > 120 or not out[-1].endswith(";"):
        out.append(text)
    else:
        out[-1] += " " + text


first_constant = True
for row in rows:
    kind, name, *rest = row.split()
    if kind == "S":
        out.append("")
        put(f"SIZE({name}, {rest[0]});", True)
    elif kind == "F":
        put(f"AT({name}, {rest[0]}, {rest[1]});")
    else:
        if first_constant:
            out.append("")
        put(f"IS({name}, {rest[0]});", first_constant)
        first_constant = False
sys.stdout.write("\n".join(out) + "\n")
