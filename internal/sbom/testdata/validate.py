"""Holds a bill of materials against the libraries of its own format.

usage: validate.py cyclonedx|spdx FILE; any objection is printed, and exit 1.
"""
import sys


def cyclonedx(path):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    import json

    text = open(path, encoding="utf-8").read()
    trouble = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if trouble is not None:
        return [str(trouble)]
    bom = Bom.from_json(json.loads(text))
    bom.validate()
    return []


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    return [m.validation_message for m in validate_full_spdx_document(parse_file(path))]


objections = {"cyclonedx": cyclonedx, "spdx": spdx}[sys.argv[1]](sys.argv[2])
print("\n".join(objections))
sys.exit(1 if objections else 0)
