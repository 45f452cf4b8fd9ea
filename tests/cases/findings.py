# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a case expects of `virtpind doctor --json`, and what contradicts it. Pure (README.md has the vocabulary)."""

LEVELS = ("error", "warning", "note")


def check_findings(answer, wanted):
    found = {}
    for one in answer["findings"]:
        found.setdefault(one["guest"] or "host", {}).setdefault(one["id"], []).append(one)
    for guest, checks in wanted.get("finds", {}).items():
        for name, says in checks.items():
            evidence = [one["evidence"] for one in found.get(guest, {}).get(name, [])]
            if not any(says in text for text in evidence):
                yield f"{guest}: {name} does not say '{says}': {evidence or sorted(found.get(guest, {}))}"
    for name in wanted.get("finds-not", []):
        yield from (f"{guest}: {name}: {checks[name][0]['evidence']}" for guest, checks in found.items()
                    if name in checks)
    if "worst" in wanted:
        allowed = LEVELS[LEVELS.index(wanted["worst"]):]
        yield from (f"{guest}: {name} is an unexpected {one['severity']}: {one['evidence']}"
                    for guest, checks in found.items() for name, all_of_it in checks.items() for one in all_of_it
                    if one["severity"] not in allowed and name not in wanted.get("finds", {}).get(guest, {}))


def unknown_findings(wanted):
    """Names in an expectation that mean nothing."""
    yield from (f"unknown expectation {key}" for key in wanted
                if key not in {"exit", "finds", "finds-not", "worst", "waits-for"})
