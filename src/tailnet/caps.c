/* Grants of the tailnet policy (facts of tsidp, plus groups, roles, clients, introspect). One complication: an
 * object of the wrong form grants nothing, but one that says `clients` limits even then, for a typing error must not
 * open what it meant to close. */
#include "caps.h"

#include <assert.h>

#include "encode.h"

#define EXTRA_MAX      (sizeof(((struct caps *)NULL)->extra_claims) / sizeof(const struct json *))
#define TEXT_BYTES_MAX 1024  /* of one group, role, application, ... */
#define ITEMS_MAX      65536 /* of a list as read; what is kept is CAPS_TEXTS_MAX */

enum list { GROUPS, ROLES, CLIENTS, USERS, RESOURCES, INTROSPECT };

#define LIST_COUNT 6

/* One object of the capability's array. */
struct object {
    bool admin, dcr, userinfo;
    const struct json *extra;
    struct slices list[LIST_COUNT];
};

#define AT(member) offsetof(struct object, member)
static const struct json_field fields[] = {
    { "allow_admin_ui", JSON_BOOL, false, 0, AT(admin) },
    { "allow_dcr", JSON_BOOL, false, 0, AT(dcr) },
    { "includeInUserInfo", JSON_BOOL, false, 0, AT(userinfo) },
    { "extraClaims", JSON_VALUE, false, 0, AT(extra) },
    { "groups", JSON_TEXTS, false, ITEMS_MAX, AT(list[GROUPS]) },
    { "roles", JSON_TEXTS, false, ITEMS_MAX, AT(list[ROLES]) },
    { "clients", JSON_TEXTS, false, ITEMS_MAX, AT(list[CLIENTS]) },
    { "users", JSON_TEXTS, false, ITEMS_MAX, AT(list[USERS]) },
    { "resources", JSON_TEXTS, false, ITEMS_MAX, AT(list[RESOURCES]) },
    { "introspect", JSON_TEXTS, false, ITEMS_MAX, AT(list[INTROSPECT]) },
};

static struct slices *target(struct caps *c, enum list which)
{
    struct slices *const targets[LIST_COUNT] = { &c->groups, &c->roles,     &c->clients,
                                                 &c->users,  &c->resources, &c->introspect };

    return targets[which];
}

/* Appends to a list whose array was made large enough by collect(). */
static void unite(struct slice *array, struct slices *list, struct slices more, bool *cut)
{
    for (size_t i = 0; i < more.n; i++) {
        struct slice one = more.at[i];
        if (one.n == 0 || one.n > TEXT_BYTES_MAX || !text_is_printable(one) || slices_have(*list, one))
            continue;
        if (list->n == CAPS_TEXTS_MAX) {
            *cut = true;
            return;
        }
        array[list->n++] = one;
    }
}

static void collect(struct pool *p, const struct object *objects, size_t n, enum list which, struct caps *ret)
{
    struct slices *list = target(ret, which);
    size_t room = 0;

    for (size_t i = 0; i < n; i++)
        room += objects[i].list[which].n;
    if (room == 0)
        return;
    struct slice *array = pool_alloc(p, (room < CAPS_TEXTS_MAX ? room : CAPS_TEXTS_MAX) * sizeof(*array));
    *list = (struct slices){ array, 0 };
    for (size_t i = 0; i < n; i++)
        unite(array, list, objects[i].list[which], &ret->cut);
}

static void add_extra(const struct object *o, struct caps *ret)
{
    if (o->extra == NULL || json_count(o->extra) == 0)
        return;
    if (ret->extra_count == EXTRA_MAX) {
        ret->cut = true;
        return;
    }
    ret->extra_claims[ret->extra_count] = o->extra;
    ret->extra_in_userinfo[ret->extra_count++] = o->userinfo;
}

static bool read_object(struct pool *p, const struct json *v, struct object *ret)
{
    const char *bad = NULL;

    *ret = (struct object){ .admin = false };
    return json_is_object(v) && json_read(p, v, fields, sizeof(fields) / sizeof(fields[0]), ret, &bad) == ERR_OK &&
           (ret->extra == NULL || json_is_object(ret->extra));
}

void caps_read(struct pool *p, const struct json *cap_map, struct caps *ret)
{
    const struct json *all = json_is_object(cap_map) ? json_member(cap_map, CAPS_NAME) : NULL;
    size_t n = json_is_array(all) ? json_count(all) : 0, used = 0;

    *ret = (struct caps){ .admin = false };
    if (n == 0)
        return;
    struct object *objects = pool_alloc(p, n * sizeof(*objects));
    for (size_t i = 0; i < n; i++) {
        const struct json *v = json_item(all, i);
        ret->clients_limited |= json_is_object(v) && json_member(v, "clients") != NULL;
        if (!read_object(p, v, &objects[used]))
            continue;
        ret->admin |= objects[used].admin;
        ret->dcr |= objects[used].dcr;
        add_extra(&objects[used++], ret);
    }
    for (enum list l = GROUPS; l <= INTROSPECT; l++)
        collect(p, objects, used, l, ret);
    assert(ret->extra_count <= EXTRA_MAX);
}
