/* How jobs of any thread come to something that lives on the loop, and how that is woken at a time. */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "http_int.h"

void job_list_init(struct job_list *l)
{
    l->head = NULL;
    l->tail = &l->head;
}

void job_list_add(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->tail = j;
    l->tail = &j->next;
}

struct job *job_list_take(struct job_list *l)
{
    struct job *j = l->head;

    if (j == NULL)
        return NULL;
    l->head = j->next;
    if (l->head == NULL)
        l->tail = &l->head;
    return j;
}

static void send_job(struct queue *q, struct job *j)
{
    struct mailbox *m = (struct mailbox *)q;
    uint64_t one = 1;

    (void)pthread_mutex_lock(&m->lock);
    bool was_empty = m->sent.head == NULL;
    job_list_add(&m->sent, j);
    (void)pthread_mutex_unlock(&m->lock);
    while (was_empty && write(h2o_socket_get_fd(m->wake_sock), &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

struct job *mailbox_take_all(struct mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    struct job *first = m->sent.head;
    job_list_init(&m->sent);
    (void)pthread_mutex_unlock(&m->lock);
    return first;
}

static void on_wake(h2o_socket_t *sock, const char *err)
{
    struct mailbox *m = sock->data;

    (void)loop_read_count(sock);
    m->on_jobs(m, mailbox_take_all(m));
}

static void on_timer(h2o_socket_t *sock, const char *err)
{
    struct mailbox *m = sock->data;

    (void)loop_read_count(sock);
    m->alarm_ms = 0;
    m->on_alarm(m);
}

void mailbox_alarm(struct mailbox *m, int64_t at_ms)
{
    const struct itimerspec when = { .it_value = { at_ms / 1000, at_ms % 1000 * 1000000L } };

    if (m->alarm_ms != 0 && m->alarm_ms <= at_ms)
        return;
    m->alarm_ms = at_ms;
    (void)timerfd_settime(h2o_socket_get_fd(m->timer_sock), TFD_TIMER_ABSTIME, &when, NULL);
}

void mailbox_init(struct mailbox *m, struct loop *l, void (*on_jobs)(struct mailbox *, struct job *),
                  void (*on_alarm)(struct mailbox *))
{
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (wake_fd < 0 || timer_fd < 0)
        h2o_fatal("no more files");
    *m = (struct mailbox){ .queue.send = send_job, .on_jobs = on_jobs, .on_alarm = on_alarm };
    job_list_init(&m->sent);
    (void)pthread_mutex_init(&m->lock, NULL);
    m->wake_sock = loop_watch(l, wake_fd, on_wake, m);
    m->timer_sock = loop_watch(l, timer_fd, on_timer, m);
}

void mailbox_finish(struct mailbox *m)
{
    h2o_socket_close(m->wake_sock);
    h2o_socket_close(m->timer_sock);
    (void)pthread_mutex_destroy(&m->lock);
}
