"""Writes create-only.ts from cfn-lint's copy of AWS's resource schemas: the properties that CloudFormation cannot change on an
existing resource, for each resource type on the command line or already in the file. `--print` prints JSON instead.

    pip install cfn-lint && python3 infra/aws/changes/create-only.py [AWS::Some::Type ...] && npm run format
"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

TARGET = Path(__file__).with_name("create-only.ts")


def paths(pointers):
    return sorted(pointer.removeprefix("/properties/").replace("/", ".") for pointer in pointers or [])


def entry(resource_type):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    always, sometimes = paths(schema.get("createOnlyProperties")), paths(schema.get("conditionalCreateOnlyProperties"))
    return {"always": always, **({"sometimes": sometimes} if sometimes else {})}


arguments = sys.argv[1:]
known = re.findall(r"'(AWS::[^']+)':", TARGET.read_text()) if TARGET.exists() else []
types = {one: entry(one) for one in sorted({*known, *(one for one in arguments if one.startswith("AWS::"))})}
source = f"cfn-lint {version('cfn-lint')}"
if "--print" in arguments:
    print(json.dumps({"source": source, "types": types}))
else:
    TARGET.write_text(
        "// Written by create-only.py.\n\n"
        "/** The version of cfn-lint whose schemas this file contains. */\n"
        f"export const source = {json.dumps(source)};\n\n"
        "/** The properties whose change makes CloudFormation replace a resource: always, or only for some values. */\n"
        f"export const createOnly = {json.dumps(types, indent=2)};\n"
    )
