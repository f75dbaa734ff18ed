#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""profagent flame: the page in headless Chromium, as a person uses it, and the
drawing, of a profile whose truth is known.
"""

import collections
import json
import os
import re
import xml.etree.ElementTree as ElementTree

import lib
from lib import tap

HERE = os.path.dirname(os.path.abspath(__file__))
SVG = "{http://www.w3.org/2000/svg}"


def check_usage(profile, scratch):
    """Each mistake: status 2 and one line that names it."""
    out = scratch.path("never.html")
    mistakes = [
        ([], "which profile"),
        ([profile], "where to"),
        ([profile, "-o", scratch.path("x.png")], ".html or .svg"),
        ([profile, "-o", out, "--format", "pdf"], "html or svg"),
        ([profile, "-o", out, "--type", "none"], "none"),
        ([profile, "-o", out, "--focus", "x"], "drawings"),
        ([profile, "-o", out, "--diff"], "two files"),
        ([profile, "-o", scratch.path("x.svg"), "--width", "9"], "--width"),
        ([profile, "-o", scratch.path("x.svg"), "--focus", "("], "--focus"),
        ([profile, "-o", out, "--nonsense"], "nonsense"),
    ]
    for args, word in mistakes:
        done = lib.profagent("flame", *args)
        tap.ok(done.status == 2 and word in done.err and
               done.err.count("\n") == 1 and not os.path.exists(out),
               "usage: %s" % " ".join(args[1:] or ["nothing"]), done)
    missing = lib.profagent("flame", scratch.path("none.pb.gz"), "-o", out)
    tap.ok(missing.status == 1 and "none.pb.gz" in missing.err and
           missing.err.count("\n") == 1, "usage: no such file", missing)
    done = lib.profagent("flame", profile, "-o", "/nowhere/x.html")
    tap.ok(done.status == 1 and "/nowhere/x.html" in done.err,
           "usage: output that cannot be written", done)


def boxes(svg):
    """{function: share} of the boxes of a drawing, the widest of each."""
    root = ElementTree.parse(svg).getroot()
    shares = {}
    for group in root.iter(SVG + "g"):
        name, figures = group.find(SVG + "title").text.split("\n")
        share = float(re.search(r"([0-9.]+) %", figures).group(1))
        shares[name] = max(share, shares.get(name, 0))
    return shares


def widest(stacks):
    """The same of folded stacks. A function may have several boxes: of a
    stack that was cut short, what it has lies beside the others."""
    total = sum(value for _, value in stacks)
    paths = collections.Counter()
    for frames, value in stacks:
        for depth in range(len(frames)):
            paths[tuple(frames[:depth + 1])] += value
    shares = {}
    for path, value in paths.items():
        shares[path[-1]] = max(100.0 * value / total,
                               shares.get(path[-1], 0))
    return shares


def check_drawing(profile, scratch):
    svg = scratch.path("out.svg")
    done = lib.profagent("flame", profile, "-o", svg)
    tap.equal(done.status, 0, "drawing: made")
    shares = boxes(svg)
    truth = widest(lib.folded([profile], scratch))
    for function in ("burn_half", "burn_third", "burn_fifth"):
        # it is written with two digits
        tap.ok(abs(shares.get(function, 0) - truth[function]) < 0.00501,
               "drawing: %s is as wide as its share" % function, shares,
               truth)
    lib.profagent("flame", profile, "-o", svg, "--focus", "burn_third",
                  "--icicle", "--width", "600")
    tap.ok("burn_half" not in boxes(svg) and "burn_third" in boxes(svg),
           "drawing: --focus", boxes(svg))
    out = lib.profagent("flame", profile, "-o", "-", "--format", "svg").out
    tap.ok(ElementTree.fromstring(out.encode()).tag == SVG + "svg",
           "drawing: to standard output")


def expected(profile, scratch):
    """What the report says that the page must say too."""
    stacks = lib.folded([profile], scratch)
    total = sum(value for _, value in stacks)
    return {"total": total, "function": "burn_half",
            "share": lib.share(stacks, "burn_half") / 100}


def check_page(profile, scratch):
    page = scratch.path("out.html")
    done = lib.profagent("flame", profile, "-o", page)
    tap.equal(done.status, 0, "page: made")
    node = lib.which("node")
    if not node:
        tap.skip("page: in a browser", "no node")
        return
    seen = lib.run([node, os.path.join(HERE, "flame.mjs"), page, scratch.dir,
                    json.dumps(expected(profile, scratch))], timeout=300)
    relay(seen)


def relay(seen):
    """The cases of another test among ours."""
    name, good, notes, count = None, True, [], 0

    def tell():
        if name:
            tap.ok(good, name, *notes)

    for line in seen.out.splitlines():
        case = re.match(r"(not )?ok \d+ - (.*)", line)
        if line.startswith("skip "):
            tap.skip("page: in a browser", line[5:])
            return
        if case:
            tell()
            name, good, notes = case.group(2), not case.group(1), []
            count += 1
        elif line.startswith("# ms") or line.startswith("# heap"):
            tap.note(line[2:])
        else:
            notes.append(line)
    tell()
    tap.ok(seen.status == 0 and count > 0, "page: the browser's test ended",
           seen)


def check_comparison(profile, scratch):
    page = scratch.path("diff.html")
    done = lib.profagent("flame", "--diff", profile, profile, "-o", page)
    with open(page, encoding="utf-8") as f:
        text = f.read()
    tap.ok(done.status == 0 and '"set":[0' in text,
           "comparison: a page of two", done)
    drawing = scratch.path("diff.svg")
    done = lib.profagent("flame", "--diff", profile + "@..1s",
                         profile + "@1s..", "-o", drawing)
    with open(drawing, encoding="utf-8") as f:
        text = f.read()
    tap.ok(done.status == 0 and "burn_half" in text and ", before " in text,
           "comparison: a drawing of two ranges", done)


def main():
    with lib.Scratch() as scratch:
        lib.run([lib.PROGRAMS + "/shares", "2000"], scratch.env(), scratch.dir)
        files = scratch.files()
        if not tap.equal(len(files), 1, "a profile to draw"):
            tap.done()
        check_usage(files[0], scratch)
        check_drawing(files[0], scratch)
        check_comparison(files[0], scratch)
        check_page(files[0], scratch)
    tap.done()


if __name__ == "__main__":
    main()
