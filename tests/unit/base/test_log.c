#include "log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json.h"
#include "tap.h"

#define OUTPUT_BYTES_MAX ((size_t)2 * LOG_BUFFER)

static struct pool *pool;

/* What came out of fd until now; a line ends it. */
static struct slice output(int fd)
{
    char *text = pool_alloc(pool, OUTPUT_BYTES_MAX);
    ssize_t n = read(fd, text, OUTPUT_BYTES_MAX);

    return slice_bytes(text, n > 0 ? (size_t)n : 0);
}

static struct slice cut_line(struct slice *rest)
{
    struct slice line = SLICE_NONE;

    CHECK(slice_cut(rest, '\n', &line));
    return line;
}

/* A line without its time, whose form is checked. */
static struct slice untimed(struct slice line, size_t at)
{
    CHECK(line.n > at + 20 && line.p[at + 10] == 'T' && line.p[at + 19] == 'Z' && line.p[at] == '2');
    return line.n > at + 20 ? slice_from(line, at + 20) : line;
}

static int open_log(enum log_level up_to, bool human)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    CHECK(fd >= 0);
    log_open(fd, up_to, human);
    return fd;
}

static struct slice written(int fd)
{
    log_flush();
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    struct slice all = output(fd);
    (void)close(fd);
    return all;
}

static void writes_json_lines(void)
{
    int fd = open_log(LOG_INFO, false);

    LOG(LOG_INFO, "started", LOG_TEXT("listen", SL("[::1]:9080")), LOG_NUM("fds", -3));
    LOG(LOG_ERROR, "bad \"thing\"", LOG_TEXT("text", SL("a\nb\x1b[0m\xff")));
    struct slice rest = written(fd);
    CHECK_TEXT(untimed(cut_line(&rest), strlen("{\"time\":\"")),
               "\",\"level\":\"info\",\"msg\":\"started\",\"listen\":\"[::1]:9080\",\"fds\":-3}");
    CHECK_TEXT(untimed(cut_line(&rest), strlen("{\"time\":\"")),
               "\",\"level\":\"error\",\"msg\":\"bad \\\"thing\\\"\",\"text\":\"a\\nb\\u001b[0m\xef\xbf\xbd\"}");
    CHECK_TEXT(rest, "");
}

static void writes_human_lines(void)
{
    int fd = open_log(LOG_WARN, true);

    LOG(LOG_WARN, "slow disk", LOG_TEXT("path", SL("/var/lib")), LOG_NUM("ms", 12), LOG_TEXT("who", SL("Bob B")),
        LOG_TEXT("esc", SL("\x1b[31m\n")), LOG_TEXT("empty", SL("")), LOG_TEXT("eq", SL("a=b")),
        LOG_TEXT("q", SL("\"")), LOG_TEXT("c1", SL("\xc2\x9b")), LOG_TEXT("name", SL("\xc3\xa9")));
    LOG(LOG_WARN, "two\nlines", LOG_NUM("n", 0));
    struct slice rest = written(fd);
    CHECK_TEXT(
        untimed(cut_line(&rest), 0),
        " warn slow disk path=/var/lib ms=12 who=\"Bob B\" esc=\"\\u001b[31m\\n\" empty=\"\" eq=\"a=b\" q=\"\\\"\" "
        "c1=\"\\u009b\" name=\"\xc3\xa9\"");
    CHECK_TEXT(untimed(cut_line(&rest), 0), " warn \"two\\nlines\" n=0");
    CHECK_TEXT(rest, "");
}

static void levels_are_kept(void)
{
    int fd = open_log(LOG_WARN, true);

    log_line(LOG_DEBUG, "no", NULL, 0);
    log_line(LOG_INFO, "no", NULL, 0);
    log_line(LOG_WARN, "yes", NULL, 0);
    log_line(LOG_ERROR, "yes", NULL, 0);
    struct slice rest = written(fd);
    CHECK_TEXT(untimed(cut_line(&rest), 0), " warn yes");
    CHECK_TEXT(untimed(cut_line(&rest), 0), " error yes");
    CHECK_TEXT(rest, "");
}

static void nothing_is_written_before_the_flush(void)
{
    int fd = open_log(LOG_INFO, true);

    log_line(LOG_INFO, "x", NULL, 0);
    CHECK_INT(lseek(fd, 0, SEEK_END), 0);
    struct slice rest = written(fd);
    CHECK_TEXT(untimed(cut_line(&rest), 0), " info x");
}

static const char long_text[LOG_BUFFER];

static void what_does_not_fit_is_counted(void)
{
    int fd = open_log(LOG_INFO, true);

    log_line(LOG_INFO, "first", NULL, 0);
    LOG(LOG_INFO, "too long", LOG_TEXT("t", slice_bytes(long_text, sizeof(long_text))));
    LOG(LOG_INFO, "too long", LOG_TEXT("t", slice_bytes(long_text, sizeof(long_text))));
    log_line(LOG_INFO, "next", NULL, 0);
    log_line(LOG_INFO, "last", NULL, 0);
    struct slice rest = written(fd);
    CHECK_TEXT(untimed(cut_line(&rest), 0), " info first");
    CHECK_TEXT(untimed(cut_line(&rest), 0), " info next dropped=2");
    CHECK_TEXT(untimed(cut_line(&rest), 0), " info last");
    CHECK_TEXT(rest, "");
}

static void fill(int fd)
{
    static const char block[4096];

    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void empty(int fd)
{
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while (output(fd).n > 0)
        ;
}

/* The descriptor itself stays blocking, so a log that blocks would hang here. */
static void check_full(int reader, int writer)
{
    fill(writer);
    log_open(writer, LOG_INFO, true);
    log_line(LOG_INFO, "lost", NULL, 0);
    log_line(LOG_INFO, "lost", NULL, 0);
    log_flush();
    empty(reader);
    log_line(LOG_INFO, "back", NULL, 0);
    log_flush();
    struct slice rest = output(reader);
    CHECK_TEXT(untimed(cut_line(&rest), 0), " info back dropped=2");
    CHECK_TEXT(rest, "");
    CHECK_INT(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
    (void)close(reader);
    (void)close(writer);
}

static void a_full_pipe_drops(void)
{
    int fds[2];

    CHECK_INT(pipe(fds), 0);
    check_full(fds[0], fds[1]);
}

static void a_full_socket_drops(void)
{
    int fds[2];

    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    check_full(fds[0], fds[1]);
}

static void log_numbered(unsigned n)
{
    static char pad[100];

    memset(pad, 'p', sizeof(pad));
    LOG(LOG_INFO, "line", LOG_NUM("n", n), LOG_TEXT("pad", slice_bytes(pad, sizeof(pad))));
}

/* All that comes out of fd until it is empty, behind the n bytes there are; how many there are then. */
static size_t gather(int fd, char *all, size_t n)
{
    for (struct slice s = output(fd); s.n > 0; s = output(fd)) {
        memcpy(all + n, s.p, s.n);
        n += s.n;
    }
    return n;
}

/* Whole lines whose number n never falls behind their count; the result is how many there are. */
static unsigned count_lines(struct slice all, unsigned *ret_lost)
{
    struct slice line = SLICE_NONE;
    unsigned lines = 0;

    *ret_lost = 0;
    while (slice_cut(&all, '\n', &line) && line.n > 0) {
        const struct json *v = NULL;
        int64_t number = -1, dropped = 0;

        CHECK_INT(json_parse(pool, line, 1000, &v), ERR_OK);
        (void)json_int(json_member(v, "dropped"), &dropped);
        CHECK(json_int(json_member(v, "n"), &number));
        *ret_lost += (unsigned)dropped;
        CHECK(number >= lines);
        lines++;
    }
    return lines;
}

/* A pipe of one page takes part of a long write. The lines come out whole, in order, and none is lost but those that
 * are counted. */
static void cut_lines_are_completed(void)
{
    static char all[1 << 17];
    size_t n = 0;
    unsigned lost = 0, sent = 0;
    int fds[2];

    CHECK_INT(pipe(fds), 0);
    CHECK(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    log_open(fds[1], LOG_INFO, false);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 37; i++)
            log_numbered(sent++);
        log_flush(); /* fills the page */
        if (round % 3 == 0)
            log_flush(); /* would block: drops, but the rest of a cut line */
        n = gather(fds[0], all, n);
    }
    for (int i = 0; i < 10; i++) {
        log_flush();
        n = gather(fds[0], all, n);
    }
    unsigned lines = count_lines(slice_bytes(all, n), &lost);
    CHECK(lost > 0);
    CHECK(lines + lost <= sent);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    static const struct tap_test tests[] = {
        { "writes JSON lines", writes_json_lines },
        { "writes lines for a terminal", writes_human_lines },
        { "keeps to its level", levels_are_kept },
        { "writes at the flush", nothing_is_written_before_the_flush },
        { "counts what does not fit", what_does_not_fit_is_counted },
        { "a full pipe drops and does not block", a_full_pipe_drops },
        { "a full socket drops and does not block", a_full_socket_drops },
        { "lines that were cut are completed", cut_lines_are_completed },
    };

    pool = pool_create(1 << 24);
    int r = TAP_RUN(tests);
    pool_destroy(pool);
    return r;
}
