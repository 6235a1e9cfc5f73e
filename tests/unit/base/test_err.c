#include "err.h"

#include "tap.h"

static void every_error_has_its_text(void)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        CHECK(!slice_is_none(slice_of(err_text((enum err)i))) && err_text((enum err)i)[0] != '\0');
        for (int k = 0; k < i; k++)
            CHECK(!slice_eq(slice_of(err_text((enum err)i)), slice_of(err_text((enum err)k))));
    }
    CHECK_INT(ERR_TIMEOUT, ERR_COUNT - 1);
    CHECK_INT(ERR_OK, 0);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "every error has a text of its own", every_error_has_its_text },
    };

    return TAP_RUN(tests);
}
