#include "form.h"

#include "tap.h"

static struct pool *pool;
static struct slice name, value;

static void check_pair(struct slice *rest, const char *want_name, const char *want_value)
{
    CHECK_INT(form_next(pool, rest, &name, &value), FORM_PAIR);
    CHECK_TEXT(name, want_name);
    CHECK_TEXT(value, want_value);
}

static void reads_pairs(void)
{
    struct slice rest = SL("a=1&&b=x+y%20z&c&=d&e=f=g&%C3%A9=%e2%82%ac&");

    check_pair(&rest, "a", "1");
    check_pair(&rest, "b", "x y z");
    check_pair(&rest, "c", "");
    check_pair(&rest, "", "d");
    check_pair(&rest, "e", "f=g");
    check_pair(&rest, "\xc3\xa9", "\xe2\x82\xac");
    CHECK_INT(form_next(pool, &rest, &name, &value), FORM_END);
    CHECK_INT(form_next(pool, &rest, &name, &value), FORM_END);
}

static void ends(struct slice text)
{
    CHECK_INT(form_next(pool, &text, &name, &value), FORM_END);
}

static void nothing_is_the_end(void)
{
    ends(SLICE_NONE);
    ends(SL(""));
    ends(SL("&&&"));
}

static void refuses(struct slice text)
{
    struct slice was_name = name, was_value = value;

    CHECK_INT(form_next(pool, &text, &name, &value), FORM_BAD);
    CHECK(name.p == was_name.p && value.p == was_value.p);
}

static void refuses_what_is_broken(void)
{
    refuses(SL("a=%"));
    refuses(SL("a=%4"));
    refuses(SL("a=%4&b"));
    refuses(SL("a=%zz"));
    refuses(SL("%g0=a"));
    refuses(SL("a=%00"));
    refuses(SL("%00"));
    refuses(SL("a=\0"));
    refuses(SL("a=%ff"));
    refuses(SL("a=\xff"));
    refuses(SL("a=%c3"));
    refuses(SL("a=%ed%a0%80"));
    refuses(SL("a=%c0%af"));
}

static void a_cut_character_does_not_join_its_neighbour(void)
{
    refuses(SL("a=%c3&%a9=b"));
    refuses(SL("%c3=%a9"));
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "reads pairs", reads_pairs },
        { "nothing is the end", nothing_is_the_end },
        { "refuses broken escapes, NUL and what is not UTF-8", refuses_what_is_broken },
        { "decodes name and value apart", a_cut_character_does_not_join_its_neighbour },
    };

    pool = pool_create(1 << 20);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
