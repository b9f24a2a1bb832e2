"""What separates a JSON document from strict FHIR R4B: the validator's findings, and the rules it does not know.

`fhir.resources` checks members, types and cardinalities. It lets codes outside a closed list, references to the wrong
kind, nulls, empty members and values of a neighbouring type (`"true"`) pass, and knows no rules between members. Those
are looked at here. A document that the validator refuses is not looked at further: its first complaints hide others.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterator

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError


@dataclass(frozen=True)
class Finding:
    """One difference: which rule, where (without places in lists), and what stands there."""

    rule: str
    path: str
    value: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.path}: {self.value}"


# R4B closes this list (IssueType) and the validator does not carry it.
ISSUE_CODES = frozenset(
    """invalid structure required value invariant security login unknown expired forbidden suppressed processing
    not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule
    conflict transient lock-error no-store exception timeout incomplete throttled informational""".split()
)

# Any media type is a format; the validator takes the words of the definition for a closed list.
OPEN_LISTS = frozenset(["CapabilityStatement.format"])
ABSOLUTE = re.compile(r"^(https?://|urn:uuid:|urn:oid:)\S+$")
REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}$")


def findings(document: Any) -> list[Finding]:
    """Everything that separates `document`, one answer's JSON, from R4B."""
    kind = document.get("resourceType") if isinstance(document, dict) else None
    model = model_of(kind)
    if model is None:
        return [Finding("resource", "resourceType", json.dumps(kind))]
    try:
        instance = model.model_validate(document)
    except ValidationError as refused:
        return [Finding("validator", trail(kind, error["loc"]), error["msg"]) for error in refused.errors()]
    found = list(of_json(document, kind))
    found += of_spelling(document, json.loads(instance.model_dump_json()), kind)
    found += of_model(instance, kind)
    if kind == "Bundle":
        found += of_bundle(document)
    return found


def model_of(kind: Any) -> type[BaseModel] | None:
    """The validator's model of a resource; `None` if R4B has no such resource."""
    try:
        return get_fhir_model_class(kind) if isinstance(kind, str) else None
    except (ValueError, KeyError):
        return None


def trail(kind: str, steps: tuple) -> str:
    """The path of a complaint, without places in lists."""
    return ".".join([kind, *(str(step) for step in steps if not isinstance(step, int))])


def of_json(value: Any, path: str) -> Iterator[Finding]:
    """FHIR's JSON rules: nothing is null and nothing is empty."""
    if value is None or value == "" or value == [] or value == {}:
        yield Finding("json", path, json.dumps(value))
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from of_json(member, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from of_json(item, path)


def of_spelling(served: Any, read: Any, path: str) -> list[Finding]:
    """What the validator read otherwise than it was served: a number in quotation marks, a member passed over."""
    if isinstance(served, dict) and isinstance(read, dict):
        names = [*served, *(name for name in read if name not in served)]
        return [
            finding for name in names for finding in of_spelling(served.get(name), read.get(name), f"{path}.{name}")
        ]
    if isinstance(served, list) and isinstance(read, list) and len(served) == len(read):
        return [finding for pair in zip(served, read) for finding in of_spelling(*pair, path)]
    if type(served) is type(read) and (served == read or instant(served) == instant(read)):
        return []
    return [Finding("spelling", path, f"{json.dumps(served)} was read as {json.dumps(read)}")]


def instant(value: Any) -> Any:
    """A time by its meaning, so that zeros at the end of its fraction say nothing; anything else as it is."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else value
    except ValueError:
        return value


def of_model(instance: BaseModel, path: str) -> Iterator[Finding]:
    """Closed lists of codes and kinds of references, which the validator names and does not enforce."""
    for name, field in type(instance).model_fields.items():
        held = getattr(instance, name)
        if held is None:
            continue
        said = field.json_schema_extra or {}
        where = f"{path}.{field.alias or name}"
        for value in held if isinstance(held, list) else [held]:
            codes = said.get("enum_values")
            if path.endswith("OperationOutcome.issue") and name == "code":
                codes = ISSUE_CODES
            if codes is not None and where not in OPEN_LISTS and isinstance(value, str) and value not in codes:
                yield Finding("code", where, value)
            if path.endswith("CapabilityStatement.rest.resource") and name == "type" and model_of(value) is None:
                yield Finding("code", where, value)
            if "enum_reference_types" in said:
                yield from of_reference(value, said["enum_reference_types"], where)
            if isinstance(value, BaseModel):
                inner = value.get_resource_type() if hasattr(value, "get_resource_type") else ""
                yield from of_model(value, inner if model_is_resource(value) else where)


def model_is_resource(value: BaseModel) -> bool:
    """Whether a part of an answer is a resource of its own, as the entries of a Bundle are."""
    return "implicitRules" in type(value).model_fields


def of_reference(reference: BaseModel, kinds: list[str], path: str) -> Iterator[Finding]:
    """A reference must lead to one of the kinds the element allows, and its `type` must agree."""
    target = getattr(reference, "reference", None)
    if target is None:
        return
    match = REFERENCE.search(target)
    kind = match.group(1) if match else None
    if kind is None or ("Resource" not in kinds and kind not in kinds) or reference.type not in (None, kind):
        yield Finding("reference", path, f"{target} ({reference.type})")


def of_bundle(bundle: dict) -> Iterator[Finding]:
    """R4B's rules between a Bundle's members (bdl-1, 2, 5, 7, 8) and those of a page of search results."""
    kind, entries, links = bundle.get("type"), bundle.get("entry", []), bundle.get("link", [])
    if "total" in bundle and kind not in ("searchset", "history"):
        yield Finding("bundle", "Bundle.total", "bdl-1")
    relations = [link["relation"] for link in links]
    if len(set(relations)) != len(relations):
        yield Finding("bundle", "Bundle.link.relation", "a relation stands twice")
    if kind == "searchset" and "self" not in relations:
        yield Finding("bundle", "Bundle.link", "a page names itself")
    urls = [entry["fullUrl"] for entry in entries if "fullUrl" in entry]
    if len(set(urls)) != len(urls):
        yield Finding("bundle", "Bundle.entry.fullUrl", "bdl-7")
    for entry in entries:
        url, resource, mode = entry.get("fullUrl"), entry.get("resource"), entry.get("search", {}).get("mode")
        if resource is None:
            yield Finding("bundle", "Bundle.entry", "bdl-5")
            continue
        if "search" in entry and kind != "searchset":
            yield Finding("bundle", "Bundle.entry.search", "bdl-2")
        if url is not None and (not ABSOLUTE.match(url) or "/_history/" in url):
            yield Finding("bundle", "Bundle.entry.fullUrl", url)
        if url is not None and url.startswith("http") and not url.endswith(f"/{resource['resourceType']}/{resource.get('id')}"):
            yield Finding("bundle", "Bundle.entry.fullUrl", f"{url} is not the address of its resource")
        if kind == "searchset" and (mode == "outcome") != (resource["resourceType"] == "OperationOutcome"):
            yield Finding("bundle", "Bundle.entry.search.mode", f"{mode} of {resource['resourceType']}")
