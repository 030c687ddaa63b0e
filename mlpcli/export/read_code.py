"""The part of an exported Python file that reads tables: as mlp does, in the form of the training's table."""

from __future__ import annotations

import re

from mlpcli.data.table.dates import CLOCK, DATES_AS
from mlpcli.data.table.dialect import DELIMITERS, Dialect
from mlpcli.data.table.textfile import has_single_bytes

__all__ = ["READ_NAMES", "read_code"]

# What the code defines or imports.
READ_NAMES = (
    *("csv", "gzip", "io", "re", "sys", "unicodedata", "datetime", "timedelta"),
    *("DELIMITERS", "NUMBER", "EXAMPLE", "GROUPS", "DECIMAL", "MONTH_FIRST", "DATES_AS", "CLOCK"),
    *("ENCODINGS", "PARTS", "number", "source_of", "part_of", "date_and_offset", "text_of", "read"),
)


def read_code(dialect: Dialect, *, has_dates: bool, has_texts: bool) -> str:
    """Return the lines of settings, and the functions, of which ``read`` takes the path of a file.

    ``has_texts`` says that ``read`` returns a dict of columns, else it is an array (n, columns).
    """
    decimal, thousands = dialect.decimal or ".", dialect.thousands
    groups = "[ \u00a0\u202f]" if thousands == " " else re.escape(thousands) if thousands else ""
    whole = rf"(?:\d{{1,3}}(?:{groups}\d{{3}})+|\d*)" if groups else r"\d*"
    named = dialect.encoding or "UTF-8"
    settings = {
        "DELIMITERS": "".join(dict.fromkeys((dialect.delimiter, *DELIMITERS))),
        "ENCODINGS": ["UTF-8", named] if has_single_bytes(named) else [named],
        "NUMBER": rf"[+-]?{whole}(?:{re.escape(decimal)}\d*)?(?:[eE][+-]?\d+)?",
        "EXAMPLE": dialect.example,
        "GROUPS": groups,
        "DECIMAL": decimal,
    }
    if not groups:
        del settings["GROUPS"]
    lines = ["", *(f"{name} = {value!a}" for name, value in settings.items())]
    number = _NUMBER.replace("cell.replace", 're.sub(GROUPS, "", cell).replace') if groups else _NUMBER
    cell = "cell if name in TEXTS else number(cell)" if has_texts else "number(cell)"
    parts = [number]
    if has_dates:
        order = {"mdy": "True", "dmy": "False", None: "None  # no date of the training tells"}[dialect.dates]
        lines.append(f"MONTH_FIRST = {order}")
        lines += ["DATES_AS = [", *(f"    {form!r}," for form in DATES_AS), "]", f"CLOCK = {CLOCK!r}"]
        parts.append(_DATES)
        cell = f"part_of(cell, PARTS[name]) if name in PARTS else {cell}"
    result = "table" if has_texts else "np.array(list(table.values())).T"
    read = _READ.replace("CELL", cell).replace("RESULT", result)
    read = read if has_dates else read.replace("source_of(name)", "name")
    return "\n\n".join(["\n".join(lines) + "\n", *(part.strip("\n") + "\n" for part in (*parts, read))])


_NUMBER = '''
def number(cell):
    """Return the number of a cell, NaN if it is missing."""
    if cell.lower() in MISSING:
        return np.nan
    if not re.fullmatch(NUMBER, cell, re.ASCII):
        raise ValueError(f"{cell!r} is not a number as {EXAMPLE}")
    value = float(cell.replace(DECIMAL, "."))
    if abs(value) > float(np.finfo(np.float32).max):
        raise ValueError(f"{cell!r} is too large a number")
    return value
'''

_DATES = '''
def source_of(name):
    """Return the column of dates that a column such as `when year` is taken from, else the name itself."""
    return name.rpartition(" ")[0] if name in PARTS else name


def part_of(cell, part):
    """Return year, month, weekday (0 is Monday), hour or seconds since 1970 of a date."""
    if cell.lower() in MISSING:
        return np.nan
    forms = (re.fullmatch(form + CLOCK, cell, re.ASCII | re.IGNORECASE) for form in DATES_AS)
    found = next(filter(None, forms), None)
    try:
        when, offset = date_and_offset(found.groupdict())
    except (AttributeError, ValueError):  # no form of a date, or the 30th of February
        raise ValueError(f"{cell!r} is not a date") from None
    if when is None:
        raise ValueError(f"{cell!r} may have the day or the month first; write it as 2024-05-31")
    if part == "seconds":
        return (when - datetime(1970, 1, 1) - offset).total_seconds()
    return when.weekday() if part == "weekday" else getattr(when, part)


def date_and_offset(has):
    """Return the date that is written so, None if it has two meanings, and its offset from UTC."""
    day, month = has.get("day") or has["a"], has.get("month") or has.get("b")
    if has.get("name"):
        month = 1 + "jan feb mar apr may jun jul aug sep oct nov dec".split().index(has["name"][:3].lower())
    elif "a" in has and has["mark"] != ".":
        if MONTH_FIRST is None and day != month:
            return None, None
        day, month = (month, day) if MONTH_FIRST else (day, month)
    hour = int(has["hour"] or 0)
    if has["half"]:  # am or pm
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + 12 * (has["half"] in "pP")
    clock = hour, int(has["minute"] or 0), int(has["second"] or 0)
    when = datetime(int(has["year"]), int(month), int(day), *clock)
    offset = timedelta(hours=int(has["hours"] or 0), minutes=int(has["minutes"] or 0))
    offset = -offset if has["sign"] == "-" else offset
    return when, offset - timedelta(seconds=float("0." + (has["fraction"] or "0")))
'''

_READ = '''
def text_of(path):
    """Return the text of a file, which may be packed with gzip."""
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"\\x1f\\x8b"):
        data = gzip.decompress(data)
    marks = {b"\\xef\\xbb\\xbf": "utf-8-sig", b"\\xff\\xfe": "utf-16", b"\\xfe\\xff": "utf-16"}
    encodings = [marks[mark] for mark in marks if data.startswith(mark)] or ENCODINGS
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if encoding != encodings[-1] and not text.isascii():
            said = f"is {encoding}, and is read as such; the table of the training was in {ENCODINGS[-1]}."
            print(f"{path} {said}", file=sys.stderr)
        return text
    advice = "save it as UTF-8 ('CSV UTF-8' in Excel), or recode it with iconv"
    raise ValueError(f"it is not {' or '.join(encodings)}; {advice}")


def read(path):
    """Return the columns of a .csv file that the network was trained on; raises ValueError."""
    text = text_of(path)
    header = re.sub('"[^"]*"', "", text.lstrip("\\r\\n").partition("\\n")[0])
    delimiter = next((mark for mark in DELIMITERS if mark in header), DELIMITERS[0])
    is_named = re.match("sep=.\\r?$", header, re.IGNORECASE)  # the first line of Excel
    delimiter = header[4] if is_named else delimiter
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    if is_named:
        next(rows)
    names = [unicodedata.normalize("NFC", name.strip()) for name in next(filter(None, rows), [])]
    places = {}
    for name in COLUMNS:
        if source_of(name) not in names:
            raise ValueError(f"it has no column {source_of(name)!r}")
        places[name] = names.index(source_of(name))
    table = {name: [] for name in COLUMNS}
    for row in filter(None, rows):
        if len(row) != len(names) and (len(row) != len(names) + 1 or row[-1].strip()):
            raise ValueError(f"line {rows.line_num} has {len(row)} cells, and the header {len(names)}")
        for name in COLUMNS:
            cell = row[places[name]].strip()
            try:
                table[name].append(CELL)
            except ValueError as error:
                raise ValueError(f"line {rows.line_num}, column {source_of(name)!r}: {error}") from None
    return RESULT
'''
