/* The audit record's text: one JSON object, members that say nothing left out. */
#include "audit.h"

#include "json.h"

const char *audit_event_name(enum audit_event e)
{
    static const char *const name[] = {
#define AUDIT_EVENT(id, text) [AUDIT_##id] = (text),
#include "audit_event.def"
#undef AUDIT_EVENT
    };

    return name[e];
}

void audit_log(struct txn *t, const struct audit *a, struct now now)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, txn_pool(t), TXN_LOG_BYTES_MAX);
    jw_init(&w, &b);
    jw_object(&w, NULL);
    jw_int(&w, "at", now.s);
    jw_text(&w, "event", slice_of(audit_event_name(a->event)));
    if (a->user_id != 0)
        jw_int(&w, "user_id", a->user_id);
    jw_text_if(&w, "login", a->login);
    jw_text_if(&w, "stable_id", a->stable_id);
    jw_text_if(&w, "address", a->address);
    jw_text_if(&w, "client_id", a->client_id);
    jw_text_if(&w, "detail", a->detail);
    jw_text_if(&w, "request_id", a->request_id);
    jw_object_end(&w);
    txn_log(t, jw_finish(&w));
}
