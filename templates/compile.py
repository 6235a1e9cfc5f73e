#!/usr/bin/env python3
"""Turns the pages into C: templates/*.html become a struct and a renderer each; style, script and icon, static files.

The language, and nothing else:
    {{name}}                    a text, always escaped; only between tags or inside a quoted attribute
    {{#name}}...{{/name}}       shown if the flag is set, or the text is there; {{^name}}...{{/name}} if not
    {{#list}}{{.name}}{{/list}} repeated; a section that uses names with a dot is a list, the names are its item's
    /static/FILE                in an attribute: the file beside this script, under a name that carries its hash
A page is laid into layout.html at {{content}}; {{title}} there is the page's own h1, without its tags.

What a Content-Security-Policy without any 'unsafe-' forbids is refused here, so that the build finds it: inline script,
style and on* attributes; and so is what escaping alone does not make safe: unquoted attributes, texts in a URL that are
not named *_uri.
"""
import hashlib
import pathlib
import re
import sys

# A section's tag that has a line to itself takes the line with it.
TAG = re.compile(r"^\{\{([#^/][^{}\n]*)\}\}[ \t]*\n|\{\{(.*?)\}\}", re.S | re.M)
TAG_BODY = re.compile(r"([#^/]?)(\.?[a-z][a-z0-9_]*)\Z")
ELEMENT_NAME = re.compile(r"[a-z][a-z0-9]*")
ATTRIBUTE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*")
STATIC_PATH = re.compile(r"/static/([a-z_]+\.[a-z]+)")
VOID = {"br", "img", "input", "link", "meta"}
URL_ATTRIBUTES = {"href", "src", "action", "formaction", "srcset", "poster", "data", "xlink:href"}
# No fragment of a link may put the focus on a button: the spans in them have the ids, and there are no others.
IDS = {"continue", "cancel", "return", "signout", "error", "main"}
CONTENT_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
STYLE_BYTES_MAX = 8192
MADE_BY = "/* Made by templates/compile.py from templates/: change those. */"
HASH_DIGITS = 10


class Refused(Exception):
    """The template is not one of ours; the message names file and line."""


class Text:
    """Bytes that stand in the page as they are."""

    def __init__(self, text, line):
        self.text, self.line = text, line


class Value:
    """{{name}}"""

    def __init__(self, name, line):
        self.name, self.line = name, line


class Section:
    """{{#name}} or {{^name}} and what it holds."""

    def __init__(self, name, inverted, line):
        self.name, self.inverted, self.line, self.children = name, inverted, line, []


def parse(name, source):
    """The template as a tree. Indentation is for its reader alone."""
    source = re.sub(r"(?m)^[ \t]+", "", source)
    root = Section(None, False, 1)
    open_sections = [root]
    at = 0
    for match in TAG.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        put_text(name, open_sections[-1], source[at:match.start()], source.count("\n", 0, at) + 1)
        put_tag(name, open_sections, match.group(1) or match.group(2), line)
        at = match.end()
    put_text(name, open_sections[-1], source[at:], source.count("\n", 0, at) + 1)
    if len(open_sections) > 1:
        raise Refused(f"{name}:{open_sections[-1].line}: {{{{#{open_sections[-1].name}}}}} is never closed")
    return root.children


def put_text(name, section, text, line):
    if "{{" in text or "}}" in text:
        raise Refused(f"{name}:{line}: a stray {{{{ or }}}}")
    if text:
        section.children.append(Text(text, line))


def put_tag(name, open_sections, body, line):
    match = TAG_BODY.match(body)
    if not match:
        raise Refused(f"{name}:{line}: {{{{{body}}}}} is not of the language")
    sigil, word = match.groups()
    if sigil == "/":
        if open_sections[-1].name != word:
            raise Refused(f"{name}:{line}: {{{{/{word}}}}} closes nothing")
        open_sections.pop()
    elif sigil:
        section = Section(word, sigil == "^", line)
        open_sections[-1].children.append(section)
        open_sections.append(section)
    else:
        open_sections[-1].children.append(Value(word, line))


class Walk:
    """Reads a tree as HTML: refuses what must not be there, rewrites static paths, gathers the h1 for the title."""

    def __init__(self, name, static_paths):
        self.name, self.static_paths = name, static_paths
        self.where = "text"         # text | tag (between attributes) | value (inside quotes)
        self.element = self.attribute = None
        self.value = ""
        self.stack = []
        self.line = 1

    def refuse(self, why):
        raise Refused(f"{self.name}:{self.line}: {why}")

    def run(self, nodes):
        title = self.nodes(nodes)
        if self.where != "text" or self.stack:
            self.refuse(f"ends inside <{self.stack[-1] if self.stack else self.element}>")
        return title

    def nodes(self, nodes):
        """Checks them in order; what of them belongs to the title."""
        title = []
        for node in nodes:
            self.line = node.line
            if isinstance(node, Text):
                node.text = self.text(node.text, title)
            elif isinstance(node, Value):
                self.placeholder(node, title)
            else:
                self.section(node, title)
        return title

    def section(self, node, title):
        before = (self.where, list(self.stack), self.attribute)
        part = Section(node.name, node.inverted, node.line)
        part.children = self.nodes(node.children)
        if part.children:
            title.append(part)
        if before != (self.where, self.stack, self.attribute):
            self.line = node.line
            self.refuse(f"{{{{{node.name}}}}} opens or closes an element or attribute and not the other end of it")

    def placeholder(self, node, title):
        if self.where == "tag":
            self.refuse(f"{{{{{node.name}}}}} outside a quoted attribute")
        if self.where == "value":
            if self.attribute in URL_ATTRIBUTES and (self.value or not node.name.endswith("_uri")):
                self.refuse(f"{{{{{node.name}}}}} in {self.attribute}: a URL is one placeholder named *_uri")
            if self.attribute in ("id", "class"):
                self.refuse(f"{{{{{node.name}}}}} in {self.attribute}")
            self.value += "{{}}"
        elif self.stack and self.stack[-1] in ("script", "style"):
            self.refuse(f"{{{{{node.name}}}}} in <{self.stack[-1]}>")
        elif "h1" in self.stack:
            title.append(node)

    def text(self, source, title):
        """One run of literal text, from whatever state the last one left; the text with static paths rewritten."""
        out, at = [], 0
        while at < len(source):
            step = {"text": self.in_text, "tag": self.in_tag, "value": self.in_value}[self.where]
            end, piece = step(source, at, title)
            self.line += source.count("\n", at, end)
            out.append(piece)
            at = end
        return "".join(out)

    def in_text(self, source, at, title):
        end = source.find("<", at)
        if end != at:
            end = len(source) if end < 0 else end
            run = source[at:end]
            if self.stack and self.stack[-1] in ("script", "style"):
                self.refuse(f"inline <{self.stack[-1]}>")
            if "h1" in self.stack:
                title.append(Text(run, self.line))
            return end, run
        if source.startswith("<!doctype html>", at):
            return at + 15, "<!doctype html>"
        closing = source.startswith("</", at)
        match = ELEMENT_NAME.match(source, at + 1 + closing)
        if not match:
            self.refuse("a < that begins no element")
        self.close(match.group(), source, match.end()) if closing else self.open(match.group())
        end = match.end() + closing
        return end, source[at:end]

    def open(self, element):
        if element == "style":
            self.refuse("inline <style>")
        self.element, self.where = element, "tag"
        self.attribute = None
        self.attributes = set()

    def close(self, element, source, at):
        if not self.stack or self.stack[-1] != element:
            self.refuse(f"</{element}> closes nothing")
        if not source.startswith(">", at):
            self.refuse(f"</{element} is not closed")
        self.stack.pop()

    def in_tag(self, source, at, _title):
        if source[at].isspace():
            return at + 1, source[at]
        if source.startswith("/>", at) and "svg" in self.stack:
            self.where = "text"
            return at + 2, "/>"
        if source[at] == ">":
            self.tag_end()
            return at + 1, ">"
        match = ATTRIBUTE_NAME.match(source, at)
        if not match:
            self.refuse(f"<{self.element}> has something that is no attribute")
        self.attribute_begin(match.group())
        end = match.end()
        if not source.startswith("=", end):
            self.attribute = None
            return end, match.group()
        if not source.startswith('="', end):
            self.refuse(f"{self.attribute} without double quotes")
        self.where, self.value = "value", ""
        return end + 2, source[at:end + 2]

    def attribute_begin(self, name):
        self.attribute = name.lower()
        if self.attribute == "style" or self.attribute.startswith("on"):
            self.refuse(f"{self.attribute}= on <{self.element}>: inline style and script are forbidden")
        self.attributes.add(self.attribute)

    def tag_end(self):
        self.where = "text"
        if self.element == "script" and "src" not in self.attributes:
            self.refuse("inline <script>")
        if self.element not in VOID:
            self.stack.append(self.element)
        self.attribute = None

    def in_value(self, source, at, _title):
        end = source.find('"', at)
        run = source[at:] if end < 0 else source[at:end]
        self.value += run
        if end >= 0:
            self.where = "tag"
            self.attribute_end()
        piece = STATIC_PATH.sub(self.static_path, run) + ('"' if end >= 0 else "")
        return (len(source) if end < 0 else end + 1), piece

    def attribute_end(self):
        if self.attribute == "id" and self.value not in IDS:
            self.refuse(f'id="{self.value}": buttons must not be reachable by a fragment')
        if self.attribute in URL_ATTRIBUTES and re.match(r"\s*(javascript|data|vbscript):", self.value, re.I):
            self.refuse(f"{self.attribute} with a script in it")
        self.attribute = None

    def static_path(self, match):
        if match.group(1) not in self.static_paths:
            self.refuse(f"{match.group()} does not exist")
        return self.static_paths[match.group(1)]


class Fields:
    """The members of a template's struct, in order of first use, their kinds inferred from use."""

    def __init__(self, name):
        self.name = name
        self.kinds = {}             # name: "text" | "flag"
        self.lists = {}             # name: Fields of its item
        self.tested = {}            # names seen only as conditions so far

    def gather(self, nodes):
        self.walk(nodes, None)
        for name in self.tested:
            self.kinds.setdefault(name, "flag")
        for name, item in self.lists.items():
            if name in self.kinds:
                raise Refused(f"{self.name}: {name} is a list and something else")
            item.gather([])
        return self

    def walk(self, nodes, item):
        for node in nodes:
            if isinstance(node, Value):
                self.owner(node, item).kinds[node.name.lstrip(".")] = "text"
            elif isinstance(node, Section):
                self.walk_section(node, item)

    def walk_section(self, node, item):
        if not node.inverted and not node.name.startswith(".") and uses_dot(node.children):
            if item:
                raise Refused(f"{self.name}:{node.line}: a list inside a list")
            self.walk(node.children, self.lists.setdefault(node.name, Fields(f"{self.name}_{node.name}")))
            return
        if node.name not in self.lists:
            self.owner(node, item).tested[node.name.lstrip(".")] = True
        self.walk(node.children, item)

    def owner(self, node, item):
        if not node.name.startswith("."):
            return self
        if not item:
            raise Refused(f"{self.name}:{node.line}: {{{{{node.name}}}}} outside a list")
        return item


def uses_dot(nodes):
    return any(not isinstance(n, Text) and (n.name.startswith(".") or isinstance(n, Section) and uses_dot(n.children))
               for n in nodes)


def squeeze(nodes):
    """Empty lines are for the reader of the template."""
    for node in nodes:
        if isinstance(node, Text):
            node.text = re.sub(r"\n\n+", "\n", node.text)
        elif isinstance(node, Section):
            squeeze(node.children)


def title_text(nodes):
    for node in nodes:
        if isinstance(node, Text):
            node.text = re.sub(r"\s+", " ", node.text)
        elif isinstance(node, Section):
            title_text(node.children)
    return nodes


def c_string(text):
    """A C string literal, a line of the page on a line of its own."""
    lines = text.split("\n")
    lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return "\n    ".join('"' + "".join(map(c_char, line.encode())) + '"' for line in lines)


def c_char(byte):
    char = chr(byte)
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    return char if 32 <= byte < 127 and char != "?" else f"\\{byte:03o}"


class Emit:
    """One renderer as C."""

    def __init__(self, fields, layout):
        self.fields, self.layout = fields, layout
        self.lines = []

    def nodes(self, nodes, depth, owner):
        for node in nodes:
            if isinstance(node, Text):
                self.put(depth, f"buf_put(b, SL({c_string(node.text)}));")
            elif isinstance(node, Value):
                self.put(depth, f"put_text(b, {self.member(node, owner)});")
            else:
                self.section(node, depth, owner)

    def section(self, node, depth, owner):
        if node.name in owner.lists:
            self.list(node, depth, owner)
            return
        kinds = owner.kinds if not node.name.startswith(".") else self.item.kinds
        test = self.member(node, owner) + (".p != NULL" if kinds[node.name.lstrip(".")] == "text" else "")
        self.put(depth, f"if ({'!(' + test + ')' if node.inverted else test}) {{")
        self.nodes(node.children, depth + 1, owner)
        self.put(depth, "}")

    def list(self, node, depth, owner):
        member = self.member(node, owner)
        if node.inverted or not uses_dot(node.children):
            self.put(depth, f"if ({member}_count {'==' if node.inverted else '>'} 0) {{")
            self.nodes(node.children, depth + 1, owner)
            self.put(depth, "}")
            return
        self.item = owner.lists[node.name]
        self.put(depth, f"for (size_t i = 0; i < {member}_count; i++) {{")
        self.put(depth + 1, f"const struct tpl_{self.item.name} *item = &{member}[i];")
        self.nodes(node.children, depth + 1, owner)
        self.put(depth, "}")

    def member(self, node, owner):
        if node.name.startswith("."):
            return "item->" + node.name[1:]
        return ("t->layout." if owner is self.layout else "t->") + node.name

    def put(self, depth, line):
        self.lines.append("    " * depth + line)


def c_struct(fields, layout=None):
    lines = []
    for name, item in fields.lists.items():
        lines += c_struct(item) + [""]
    lines.append(f"struct tpl_{fields.name} {{")
    if layout:
        lines.append("    struct tpl_layout layout;")
    for name, kind in fields.kinds.items():
        lines.append(f"    {'struct slice' if kind == 'text' else 'bool'} {name};")
    for name, item in fields.lists.items():
        lines += [f"    const struct tpl_{item.name} *{name};", f"    size_t {name}_count;"]
    return lines + ["};"]


def read_static(path):
    """A static file as it is served: comments and indentation of a stylesheet stay here."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\n\s*", "\n", text)).replace(";}", "}")
        text = re.sub(r":\s+", ":", text).replace("}", "}\n").replace("\n}", "}").strip() + "\n"
        if len(text.encode()) >= STYLE_BYTES_MAX:
            raise Refused(f"{path.name}: {len(text.encode())} bytes, the limit is {STYLE_BYTES_MAX}")
    digest = hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]
    return text, f"/static/{path.stem}-{digest}{path.suffix}"


def compile_page(name, source, layout_source, static_paths):
    """The page inside the layout: its tree of two parts, and the fields of both."""
    page, layout = parse(name + ".html", source), parse("layout.html", layout_source)
    title = title_text(Walk(name + ".html", static_paths).run(page))
    if not title:
        raise Refused(f"{name}.html: no h1")
    Walk("layout.html", static_paths).run(layout)
    squeeze(page)
    squeeze(layout)
    return page, layout, title


def emit_page(name, page, layout, title):
    fields = Fields(name).gather(page)
    layout_fields = Fields("layout").gather([n for n in layout if not is_slot(n)])
    emit = Emit(fields, layout_fields)
    emit.put(0, f"void tpl_{name}_render(struct buf *b, const struct tpl_{name} *t)")
    emit.put(0, "{")
    for node in layout:
        if is_slot(node):
            emit.nodes(page if node.name == "content" else title, 1, fields)
        else:
            emit.nodes([node], 1, layout_fields)
    emit.put(0, "}")
    return fields, layout_fields, emit.lines


def is_slot(node):
    return isinstance(node, Value) and node.name in ("content", "title")


def compile_all(paths):
    """[input files] -> (header, source)."""
    pages = {p.stem: p for p in paths if p.suffix == ".html"}
    layout_source = pages.pop("layout").read_text(encoding="utf-8")
    static = {p.name: read_static(p) for p in paths if p.suffix in CONTENT_TYPES}
    static_paths = {name: path for name, (_, path) in static.items()}
    header = [MADE_BY, "#ifndef AVOUCH_TPL_H", "#define AVOUCH_TPL_H", "", '#include "buf.h"', '#include "page.h"', ""]
    source = [MADE_BY, '#include "tpl.h"', "", "#include <assert.h>", "",
              "static void put_text(struct buf *b, struct slice text)", "{",
              "    assert(text.p != NULL); /* a page with a hole in it must not ship */", "    buf_html(b, text);", "}"]
    structs = []
    for name, path in sorted(pages.items()):
        page, layout, title = compile_page(name, path.read_text(encoding="utf-8"), layout_source, static_paths)
        fields, layout_fields, lines = emit_page(name, page, layout, title)
        structs += [""] + c_struct(fields, layout_fields) + [
            f"void tpl_{name}_render(struct buf *b, const struct tpl_{name} *t);"]
        source += [""] + lines
    header += c_struct(layout_fields) + structs + emit_static_header(static)
    source += emit_static(static)
    return "\n".join(header + ["", "#endif", ""]), "\n".join(source + [""])


def emit_static_header(static):
    lines = ["", f"#define TPL_STATIC_COUNT {len(static)}",
             "extern const struct static_file tpl_static[TPL_STATIC_COUNT];"]
    for name, (_, path) in sorted(static.items()):
        lines.append(f'#define TPL_{re.sub("[^A-Z]", "_", name.upper())}_PATH "{path}"')
    return lines


def emit_static(static):
    lines = ["", "const struct static_file tpl_static[TPL_STATIC_COUNT] = {"]
    for name, (text, path) in sorted(static.items()):
        fields = [path, CONTENT_TYPES[pathlib.Path(name).suffix], text]
        lines.append("    { " + ", ".join(f"{{ {c_string(f)}, {len(f.encode())} }}" for f in fields) + " },")
    return lines + ["};"]


def main(arguments):
    header_file, source_file, *inputs = arguments
    try:
        header, source = compile_all([pathlib.Path(p) for p in inputs])
    except Refused as refused:
        print(f"compile.py: {refused}", file=sys.stderr)
        return 1
    pathlib.Path(header_file).write_text(header, encoding="utf-8")
    pathlib.Path(source_file).write_text(source, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
