/* The operator's settings, by one table of keys. libyaml stops here. Two passes over its file: one over the events,
 * for what the document nodes no longer show (anchors, tags, a second document), one over the nodes, whose marks
 * every later error can name. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "config_int.h"
#include "encode.h"

#define YAML_DEPTH_MAX 8 /* ours have 3 */

struct reading {
    struct place at; /* of the file: line and column are set by place_of */
    struct config *config;
    yaml_document_t document;
};

static struct place place_of(const struct reading *r, yaml_mark_t mark)
{
    struct place at = r->at;

    at.line = mark.line + 1;
    at.column = mark.column + 1;
    return at;
}

/* Plain empty, ~ and null: as if the line were not there, so that a section whose lines are all comments is fine. */
static bool is_nothing(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct slice s = slice_bytes(node->data.scalar.value, node->data.scalar.length);
    return s.n == 0 || slice_eq(s, SL("~")) || slice_eq(s, SL("null"));
}

static struct slice scalar(const struct reading *r, const yaml_node_t *node)
{
    return pool_dup(r->at.pool, slice_bytes(node->data.scalar.value, node->data.scalar.length));
}

static enum err read_list(struct reading *r, const struct key *k, const yaml_node_t *node)
{
    struct slices list = { NULL, 0 };
    struct place at = place_of(r, node->start_mark);
    enum err e = ERR_OK;

    if (node->type != YAML_SEQUENCE_NODE)
        return config_fail(&at, "`%s` is %s", k->name, k->form);
    for (yaml_node_item_t *i = node->data.sequence.items.start; e == ERR_OK && i < node->data.sequence.items.top; i++) {
        const yaml_node_t *item = yaml_document_get_node(&r->document, *i);
        at = place_of(r, item->start_mark);
        e = item->type != YAML_SCALAR_NODE ? config_fail(&at, "an entry of `%s` is a text", k->name)
                                           : config_key_append(&at, k, scalar(r, item), &list);
    }
    if (e == ERR_OK && list.n == 0)
        return config_fail(&at, "`%s` is empty; leave it out for the default", k->name);
    if (e == ERR_OK)
        *(struct slices *)config_key_target(r->config, k) = list;
    return e;
}

static enum err read_key(struct reading *r, const struct key *k, const yaml_node_t *node)
{
    struct place at = place_of(r, node->start_mark);

    if (is_nothing(node))
        return ERR_OK;
    if (k->kind == TEXTS)
        return read_list(r, k, node);
    if (node->type != YAML_SCALAR_NODE)
        return config_fail(&at, "`%s` is %s, not a %s", k->name, k->form,
                           node->type == YAML_MAPPING_NODE ? "section" : "list");
    return config_key_set(&at, k, scalar(r, node), config_key_target(r->config, k));
}

static enum err refuse_name(const struct place *at, struct slice name)
{
    const char *meant = config_key_nearest(name);

    if (!text_is_printable(name) || name.n == 0 || name.n > CONFIG_NAME_BYTES_MAX)
        return config_fail(at, "this is not the name of a setting");
    if (meant == NULL)
        return config_fail(at, "there is no setting `" SLICE_FMT "`", SLICE_ARG(name));
    return config_fail(at, "there is no setting `" SLICE_FMT "`; did you mean `%s`?", SLICE_ARG(name), meant);
}

/* Unknown names are refused before, so a mapping of ours is short. */
static bool is_repeated(struct reading *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
    struct slice name = scalar(r, yaml_document_get_node(&r->document, pair->key));

    for (const yaml_node_pair_t *i = mapping->data.mapping.pairs.start; i < pair; i++)
        if (slice_eq(name, scalar(r, yaml_document_get_node(&r->document, i->key))))
            return true;
    return false;
}

static enum err read_mapping(struct reading *r, const yaml_node_t *mapping, struct slice section);

static enum err read_pair(struct reading *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                          struct slice section)
{
    const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
    struct place at = place_of(r, key->start_mark);

    if (key->type != YAML_SCALAR_NODE)
        return config_fail(&at, "the name of a setting is a word");
    struct slice name = scalar(r, key);
    if (!text_is_printable(name))
        return refuse_name(&at, name);
    if (section.n == 0 && config_key_find(name) != NULL && slice_has(name, '.'))
        return config_fail(&at, "write `" SLICE_FMT "` as a section: what follows the dot stands below, indented",
                           SLICE_ARG(name));
    if (slice_has(name, '.'))
        return refuse_name(&at, name);
    if (section.n > 0)
        name = pool_fmt(r->at.pool, SLICE_FMT "." SLICE_FMT, SLICE_ARG(section), SLICE_ARG(name));
    const struct key *k = config_key_find(name);
    if (k == NULL && !config_is_section(name))
        return refuse_name(&at, name);
    if (is_repeated(r, mapping, pair))
        return config_fail(&at, "`" SLICE_FMT "` stands here a second time", SLICE_ARG(name));
    if (k != NULL)
        return read_key(r, k, value);
    if (is_nothing(value))
        return ERR_OK;
    at = place_of(r, value->start_mark);
    if (value->type != YAML_MAPPING_NODE)
        return config_fail(&at, "`" SLICE_FMT "` is a section: its settings stand below it, indented", SLICE_ARG(name));
    return read_mapping(r, value, name);
}

static enum err read_mapping(struct reading *r, const yaml_node_t *mapping, struct slice section)
{
    enum err e = ERR_OK;

    for (yaml_node_pair_t *i = mapping->data.mapping.pairs.start; e == ERR_OK && i < mapping->data.mapping.pairs.top;
         i++)
        e = read_pair(r, mapping, i, section);
    return e;
}

static enum err fail_parser(const struct reading *r, const yaml_parser_t *parser, struct slice text)
{
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";

    /* a byte that the reader refuses has an offset only */
    if (parser->error == YAML_READER_ERROR)
        for (size_t i = 0; i < parser->problem_offset && i < text.n; i++) {
            mark.column = text.p[i] == '\n' ? 0 : mark.column + 1;
            mark.line += text.p[i] == '\n';
        }
    struct place at = place_of(r, mark);
    return config_fail(&at, "not YAML: %s", problem);
}

/* How an event changes the depth, and what it has that we refuse. */
static int look(const yaml_event_t *event, const char **ret_refused)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    int deeper = 0;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        deeper = 1;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        deeper = 1;
    } else if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT) {
        deeper = -1;
    }
    if (anchor != NULL || event->type == YAML_ALIAS_EVENT)
        *ret_refused = "anchors and aliases (& and *) are not used here; quote the value if it is a text";
    else if (tag != NULL)
        *ret_refused = "tags (!) are not used here; quote the value if it is a text";
    return deeper;
}

static enum err check_events(const struct reading *r, yaml_parser_t *parser, struct slice text)
{
    int depth = 0, documents = 0;

    for (bool end = false; !end;) {
        yaml_event_t event;
        const char *refused = NULL;

        if (!yaml_parser_parse(parser, &event))
            return fail_parser(r, parser, text);
        depth += look(&event, &refused);
        documents += event.type == YAML_DOCUMENT_START_EVENT;
        end = event.type == YAML_STREAM_END_EVENT;
        if (depth > YAML_DEPTH_MAX)
            refused = "nested too deep";
        if (documents > 1)
            refused = "a second document begins here; all settings are one";
        struct place at = place_of(r, event.start_mark);
        yaml_event_delete(&event);
        if (refused != NULL)
            return config_fail(&at, "%s", refused);
    }
    return ERR_OK;
}

static enum err read_document(struct reading *r, yaml_parser_t *parser, struct slice text)
{
    if (!yaml_parser_load(parser, &r->document))
        return fail_parser(r, parser, text);
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    enum err e = ERR_OK;
    if (root != NULL && root->type == YAML_MAPPING_NODE) {
        e = read_mapping(r, root, SLICE_NONE);
    } else if (root != NULL && !is_nothing(root)) {
        struct place at = place_of(r, root->start_mark);
        e = config_fail(&at, "settings are lines of the form `name: value`");
    }
    yaml_document_delete(&r->document);
    return e;
}

static enum err pass(struct reading *r, struct slice text, bool events)
{
    yaml_parser_t parser;

    if (!yaml_parser_initialize(&parser))
        return config_fail(&r->at, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    enum err e = events ? check_events(r, &parser, text) : read_document(r, &parser, text);
    yaml_parser_delete(&parser);
    return e;
}

enum err config_read_yaml(struct pool *p, struct slice file_name, struct slice text, struct config *c,
                          struct config_error *ret)
{
    struct reading r = { .at = { p, file_name, 0, 0, ret }, .config = c };

    if (text.n > CONFIG_BYTES_MAX)
        return config_fail(&r.at, "larger than %d bytes", CONFIG_BYTES_MAX);
    enum err e = pass(&r, text, true);
    return e != ERR_OK ? e : pass(&r, text, false);
}

static ssize_t read_all(int fd, char *to, size_t max)
{
    size_t n = 0;

    for (ssize_t got = 1; got > 0 && n < max; n += (size_t)got) {
        got = read(fd, to + n, max - n);
        if (got < 0)
            return -1;
    }
    return (ssize_t)n;
}

enum err config_read_file(struct pool *p, const char *file, bool must_exist, struct config *c, struct config_error *ret)
{
    const struct place at = { p, slice_of(file), 0, 0, ret };
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT && !must_exist)
        return ERR_OK;
    if (fd < 0)
        return config_fail(&at, "%s", strerror(errno));
    char *text = pool_alloc(p, CONFIG_BYTES_MAX + 1);
    ssize_t n = read_all(fd, text, CONFIG_BYTES_MAX + 1);
    enum err e = n < 0 ? config_fail(&at, "%s", strerror(errno))
                       : config_read_yaml(p, slice_of(file), slice_bytes(text, (size_t)n), c, ret);
    (void)close(fd);
    return e;
}
