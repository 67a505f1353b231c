"""Counts answers in an exported DNS log: `count_dns_ips.py FILE`, prints `ADDRESS COUNT` per line.

It knows the export by the public description alone: 87 columns, the name asked for in BI and the addresses in BJ of a
spreadsheet. Each row is read twice, by place and by name, and both have to agree.
"""

import collections
import csv
import sys


def column(letters: str) -> int:
    """The place, from 0, of a spreadsheet's column."""
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def main(path: str) -> None:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    with open(path, newline="", encoding="utf-8") as file:
        named = list(csv.DictReader(file))
    header = rows[0]
    assert len(header) == 87, len(header)
    assert header[column("BI")] == "dns_fqdn", header[column("BI")]
    assert header[column("BJ")] == "dns_ips", header[column("BJ")]
    counts = collections.Counter()
    for row, by_name in zip(rows[1:], named, strict=True):
        assert len(row) == 87, row
        assert row[column("BJ")] == by_name["dns_ips"], row
        assert row[column("BI")] == by_name["dns_fqdn"], row
        counts[row[column("BJ")]] += 1
    for address, count in sorted(counts.items()):
        print(address, count)


main(sys.argv[1])
