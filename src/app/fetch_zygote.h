/* The process that starts avouch-fetch, once for each fetch. It is forked before there are threads, keys and database, so that nothing
 * of them can be inherited, and it reads nothing of what strangers serve but the length of an answer. */
#ifndef AVOUCH_FETCH_ZYGOTE_H
#define AVOUCH_FETCH_ZYGOTE_H

/* The channel for fetcher_create (fetch.h); -1: errno says why. It ends when the channel is closed, and when this process dies. */
int fetch_zygote_start(void);

#endif
