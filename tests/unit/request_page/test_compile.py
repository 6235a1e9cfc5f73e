"""What templates/compile.py refuses, and what it makes of what it takes: test_compile.py COMPILE_PY. Prints TAP."""
import importlib.util
import pathlib
import sys
import tempfile

LAYOUT = ('<html lang="en"><head><title>{{title}}</title><link rel="stylesheet" href="/static/style.css"></head>'
          '<body>{{content}}</body></html>')

REFUSED = {
    "inline script": ("<h1>x</h1><script>alert(1)</script>", "inline <script>"),
    "script with source and text": ('<h1>x</h1><script src="/static/style.css">x</script>', "inline <script>"),
    "inline style element": ("<h1>x</h1><style>p{}</style>", "inline <style>"),
    "style attribute": ('<h1 style="color:red">x</h1>', "style="),
    "event handler": ('<h1 onclick="x()">x</h1>', "onclick="),
    "event handler in capitals": ('<h1 onClick="x()">x</h1>', "onclick="),
    "unquoted attribute": ("<h1 class=x>x</h1>", "without double quotes"),
    "single quotes": ("<h1 class='x'>x</h1>", "without double quotes"),
    "text as attribute value without quotes": ("<h1 class={{x}}>x</h1>", "without double quotes"),
    "text between attributes": ("<h1 {{x}}>x</h1>", "outside a quoted attribute"),
    "text as a URL": ('<h1>x</h1><a href="{{address}}">x</a>', "named *_uri"),
    "text inside a URL": ('<h1>x</h1><a href="/x?{{a_uri}}">x</a>', "named *_uri"),
    "text as a class": ('<h1 class="{{x}}">x</h1>', "in class"),
    "script in a URL": ('<h1>x</h1><a href="javascript:x()">x</a>', "script in it"),
    "an id that a fragment could focus": ('<h1>x</h1><button id="go">x</button>', 'id="go"'),
    "triple braces": ("<h1>{{{x}}}</h1>", "not of the language"),
    "unescaped marker": ("<h1>{{&x}}</h1>", "not of the language"),
    "partials": ("<h1>{{>x}}</h1>", "not of the language"),
    "capital letters": ("<h1>{{Name}}</h1>", "not of the language"),
    "stray braces": ("<h1>x }} y</h1>", "stray"),
    "section never closed": ("<h1>{{#x}}y</h1>", "never closed"),
    "section closed twice": ("<h1>x</h1>{{/x}}", "closes nothing"),
    "sections crossed": ("<h1>{{#x}}{{#y}}z{{/x}}{{/y}}</h1>", "closes nothing"),
    "section across an element": ("<h1>x</h1>{{#x}}<p>{{/x}}</p>", "not the other end"),
    "section across a quote": ('<h1 class="{{#x}}a">{{/x}}x</h1>', "not the other end"),
    "element never closed": ("<h1>x</h1><p>", "ends inside <p>"),
    "elements crossed": ("<h1><b>x</h1></b>", "closes nothing"),
    "a less-than sign": ("<h1>1 < 2</h1>", "begins no element"),
    "comment": ("<h1>x</h1><!-- y -->", "begins no element"),
    "item outside a list": ("<h1>{{.x}}</h1>", "outside a list"),
    "list inside a list": ("<h1>x</h1>{{#a}}{{.x}}{{#b}}{{.y}}{{/b}}{{/a}}", "list inside a list"),
    "static file that does not exist": ('<h1>x</h1><img src="/static/logo.png" alt="">', "does not exist"),
    "page without heading": ("<p>x</p>", "no h1"),
}


def load(path):
    spec = importlib.util.spec_from_file_location("compile_templates", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def compile_one(tool, page, style="p { margin: 0; }\n"):
    with tempfile.TemporaryDirectory() as directory:
        files = {"layout.html": LAYOUT, "one.html": page, "style.css": style}
        paths = [pathlib.Path(directory) / name for name in files]
        for path in paths:
            path.write_text(files[path.name], encoding="utf-8")
        return tool.compile_all(paths)


def refusal(tool, page, why, **other):
    try:
        compile_one(tool, page, **other)
    except tool.Refused as refused:
        return [] if why in str(refused) else [f"refused for another reason: {refused}"]
    return ["taken"]


def missing(text, *parts):
    return [f"not in the output: {part}" for part in parts if part not in text]


def accepted(tool):
    """Name: what is wrong."""
    page = ('<main{{#guard}} class="guard"{{/guard}}><h1>To {{app}} <small>as {{login}}</small></h1>'
            '{{#note}}<p>{{note}}?</p>{{/note}}{{^note}}<p>none</p>{{/note}}'
            '{{#rows}}<b>{{.name}}</b>{{#.new}}!{{/.new}}{{/rows}}{{^rows}}empty{{/rows}}'
            '<a href="{{to_uri}}">x</a></main>')
    header, source = compile_one(tool, page)
    again = compile_one(tool, page)
    _, other = compile_one(tool, page, style="p { margin: 1px; }\n")
    style = source[source.index("/static/style-"):][:28]
    return {
        "members by use": missing(header, "struct slice app;", "bool guard;", "struct slice note;",
                                  "const struct tpl_one_rows *rows;", "size_t rows_count;", "bool new;"),
        "a text is escaped and must be there": missing(source, "put_text(b, t->app);", "assert(text.p != NULL)",
                                                       "buf_html(b, text)"),
        "an optional text is tested": missing(source, "if (t->note.p != NULL)", "if (!(t->note.p != NULL))"),
        "a list is a loop, its absence a test": missing(source, "i < t->rows_count", "item->name", "if (item->new)",
                                                        "if (t->rows_count == 0)"),
        "the title is the heading without tags": missing(source, '<title>"));\n    buf_put(b, SL("To "));\n'
                                                                 '    put_text(b, t->app);'),
        "no trigraphs": [] if "\\077" in source and "?</p>" not in source else ["a literal has a question mark"],
        "static names carry a hash": [] if style not in other and style in again[1] else [f"{style} does not"],
        "the same input gives the same output": [] if again == (header, source) else ["it does not"],
        "a stylesheet has a limit": refusal(tool, page, "the limit is", style="p{}\n" * 3000),
    }


def main(compile_py):
    tool = load(compile_py)
    results = {f"refused: {name}": refusal(tool, page, why) for name, (page, why) in REFUSED.items()}
    results.update(accepted(tool))
    for number, (name, wrong) in enumerate(results.items(), 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")
    print(f"1..{len(results)}")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
