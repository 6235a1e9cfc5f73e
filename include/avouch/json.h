/* JSON: a bounded reader (over jansson, which stops here) and a scoped writer.
 * Reader: duplicate members, U+0000, trailing text and more than JSON_DEPTH_MAX levels are refused. Values live as
 * long as the pool. All accessors accept NULL and a value of another kind: then they answer NULL, 0 or false. */
#ifndef AVOUCH_JSON_H
#define AVOUCH_JSON_H

#include "buf.h"
#include "err.h"

#define JSON_DEPTH_MAX 32

struct json;

/* ERR_INPUT, or ERR_LIMIT for too long and too deep. */
enum err json_parse(struct pool *p, struct slice text, size_t max_bytes, const struct json **ret) MUST_CHECK;
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
const struct json *json_member(const struct json *object, const char *name);
size_t json_count(const struct json *v);                                  /* members or items */
const struct json *json_item(const struct json *array, size_t i);
const struct json *json_member_at(const struct json *object, size_t i, struct slice *ret_name); /* as inserted; O(i) */
bool json_text(const struct json *v, struct slice *ret);
bool json_int(const struct json *v, int64_t *ret);
bool json_bool(const struct json *v, bool *ret);
struct slice json_dump(struct pool *p, const struct json *v);             /* compact text; NULL: SLICE_NONE */
void json_put(struct buf *b, const struct json *v);                       /* the same into a buffer; NULL: null */

/* Reading an object by a table: like params.h, for documents. Members not in the table are ignored. */
enum json_kind { JSON_TEXT, JSON_INT, JSON_BOOL, JSON_TEXTS, JSON_VALUE };
#define JSON_KIND_COUNT 5

struct json_field {
    const char *name;
    enum json_kind kind; /* target: struct slice, int64_t, bool, struct slices, const struct json * */
    bool required;
    size_t max;          /* bytes of a text; items of JSON_TEXTS */
    size_t offset;       /* of the target in *ret */
};

/* Absent members (and null ones) leave *ret as it was. On failure *ret is untouched and *ret_bad names the member
 * ("": not an object). ERR_INPUT: required and absent, or of another kind. ERR_LIMIT: past max. */
enum err json_read(struct pool *p, const struct json *object, const struct json_field *fields, size_t n, void *ret,
                   const char **ret_bad) MUST_CHECK;

/* Writer. In an object every call names the member; in an array name is NULL. Unbalanced scopes assert in jw_finish.
 * What is not UTF-8 becomes U+FFFD, and control characters (C1 ones too) are escaped, so the text is safe in a log. */
struct json_writer {
    struct buf *buf;
    unsigned depth;
    uint64_t any;    /* bit d: level d has a member already */
    uint64_t object; /* bit d: level d is an object */
};

void jw_init(struct json_writer *w, struct buf *buf);
void jw_object(struct json_writer *w, const char *name);
void jw_object_end(struct json_writer *w);
void jw_array(struct json_writer *w, const char *name);
void jw_array_end(struct json_writer *w);
void jw_text(struct json_writer *w, const char *name, struct slice value);
void jw_text_if(struct json_writer *w, const char *name, struct slice value); /* nothing for none or empty */
void jw_texts(struct json_writer *w, const char *name, struct slices values);
void jw_int(struct json_writer *w, const char *name, int64_t value);
void jw_bool(struct json_writer *w, const char *name, bool value);
void jw_null(struct json_writer *w, const char *name);
void jw_json(struct json_writer *w, struct slice name, const struct json *value); /* name: any text */
struct slice jw_finish(struct json_writer *w);                                /* buf_finish of its buffer */

#endif
