/* What `--help` says. Every option that a subcommand knows stands here; a test compares. */
#include "command_help.h"

const char command_help_all[] =
    "avouch: an OpenID Connect provider for a tailnet\n"
    "\n"
    "  avouch serve    run the provider\n"
    "  avouch client   add|list|show|edit|remove|disable|enable|rotate-secret|approve\n"
    "  avouch person   list|show|edit|confirm|link|block|unblock\n"
    "  avouch key      list|rotate\n"
    "  avouch audit    show\n"
    "  avouch issuer   show|rename\n"
    "  avouch tailnet  show|accept\n"
    "  avouch clock    show|accept\n"
    "  avouch doctor   what is wrong, what it means, what mends it\n"
    "\n"
    "avouch client --help explains a subcommand; avouch serve --help the options of the server;\n"
    "avouch(1) and avouch.yaml(5) everything. avouch --version prints the version.\n";

#define HELP_COMMON                                                                                   \
    "Everywhere:\n"                                                                                   \
    "  --help               this text\n"                                                              \
    "  --json               for programs\n"                                                           \
    "  --state DIR          the database's directory (default: the configuration's)\n"                \
    "  --config FILE        the configuration, read for `state` (default: /etc/avouch/avouch.yaml)\n" \
    "  --dev                the database of `avouch serve --dev`\n"

const char command_help_client[] =
    "avouch client: applications that people sign in to\n"
    "\n"
    "  avouch client add --name NAME --redirect-uri URI [OPTION...]\n"
    "  avouch client list\n"
    "  avouch client show ID\n"
    "  avouch client edit ID [OPTION...]\n"
    "  avouch client remove ID\n"
    "  avouch client disable|enable ID         disable ends its sign-ins\n"
    "  avouch client rotate-secret ID [--keep-old DURATION] [--secret-file FILE]\n"
    "  avouch client approve ID                vouch for one that registered itself\n"
    "\n"
    "What add and edit take:\n"
    "  --name NAME          as people see it\n"
    "  --redirect-uri URI   where answers may go; repeatable; edit adds to those there are\n"
    "  --remove-redirect-uri URI         edit only; repeatable\n"
    "  --post-logout-redirect-uri URI    where to go after signing out; repeatable\n"
    "  --auth-method METHOD              client_secret_basic (default), client_secret_post or none\n"
    "  --public             the same as --auth-method none\n"
    "  --client-id ID       add only (default: made from the name)\n"
    "  --secret-file FILE   a secret of your own, 24 to 100 characters; - is standard input\n"
    "  --id-token-alg ALG   RS256 (default), ES256 or PS256\n"
    "  --claims WHERE       both (default), id_token or userinfo\n"
    "  --page WHEN          never, first, always or default: when people are shown a page\n"
    "  --require-pkce yes|no|default\n"
    "  --frames[=yes|no]    may sign in silently (prompt=none) in a frame\n"
    "  --reach tailnet|public            public: also over listeners of the class public\n"
    "  --scope SCOPES       the most it may get; \"\" for any\n"
    "  --lifetime NAME=DURATION          code, access, id, refresh_idle, refresh, session_idle or session;\n"
    "                       60s, 10m, 12h, 30d or default; repeatable\n"
    "\n" HELP_COMMON;

const char command_help_person[] =
    "avouch person: who has been here, under which name\n"
    "\n"
    "  avouch person list\n"
    "  avouch person show WHO\n"
    "  avouch person edit WHO [--username NAME] [--email ADDRESS]\n"
    "  avouch person confirm WHO               the changed login is the same person\n"
    "  avouch person link OLD NEW              name and address move to NEW, sub does not\n"
    "  avouch person block WHO                 ends all sign-ins, refuses new ones\n"
    "  avouch person unblock WHO\n"
    "\n"
    "WHO is a user id, a user name or a login.\n"
    "  --username NAME      preferred_username\n"
    "  --email ADDRESS      the claim email\n"
    "\n" HELP_COMMON;

const char command_help_key[] =
    "avouch key: signing keys\n"
    "\n"
    "  avouch key list\n"
    "  avouch key rotate [--now]               an order; the running server carries it out\n"
    "\n"
    "  --now                a compromised key: it goes at once, and with it all it has signed\n"
    "\n" HELP_COMMON;

const char command_help_audit[] = "avouch audit: who signed in to what, from which node, when\n"
                                  "\n"
                                  "  avouch audit show [--last N]\n"
                                  "\n"
                                  "  --last N             only the newest N records (default: all)\n"
                                  "\n" HELP_COMMON;

const char command_help_clock[] =
    "avouch clock: the time now, and the time at which something was issued last\n"
    "\n"
    "  avouch clock show\n"
    "  avouch clock accept         the time is right now, though something was issued at a later one: the clock was\n"
    "                              wrong then. While it is more than 5 minutes behind that, nothing is issued\n"
    "\n" HELP_COMMON;

const char command_help_serve[] =
    "usage: avouch serve [option ...]\n"
    "\n"
    "Runs the provider in the foreground. Options win over AVOUCH_* variables, and these over the configuration.\n"
    "\n"
    "  --config FILE           in place of /etc/avouch/avouch.yaml\n"
    "  --state DIR             the directory of the database; default /var/lib/avouch\n"
    "  --issuer URL            the provider's own address; default: the node's own name\n"
    "  --listen CLASS:ADDRESS  where to listen; repeatable\n"
    "  --dev                   try a login on this machine: made-up people, plain HTTP on 127.0.0.1:9080\n"
    "  --dev-user EMAIL        with --dev, one of the made-up people; repeatable; the first connects from 127.0.0.1\n"
    "\n"
    "SIGTERM ends it after the answers under way; SIGHUP reads certificate and settings anew.\n";

const char command_help_issuer[] =
    "avouch issuer: the name that every application knows this provider by\n"
    "\n"
    "  avouch issuer show\n"
    "  avouch issuer rename URL    a deliberate move; the server takes it at its next start. Every application must be\n"
    "                              given the new name, and some take the same person under it for a new one\n"
    "\n" HELP_COMMON;

const char command_help_tailnet[] =
    "avouch tailnet: whose tailnet the database belongs to\n"
    "\n"
    "  avouch tailnet show\n"
    "  avouch tailnet accept       the tailnet that the server sees now is right, though it is another one: user ids\n"
    "                              mean the same people there. Nobody is signed in before\n"
    "\n" HELP_COMMON;

const char command_help_doctor[] =
    "avouch doctor: looks at everything that a sign-in rests on\n"
    "\n"
    "  avouch doctor               tailscaled, our own node, name, certificate, clock, database. Each finding says what it\n"
    "                              means and what mends it. Status 1: something must be mended\n"
    "  avouch doctor --fetch URL   fetches that document as the server would, and tells step by step what happens\n"
    "\n"
    "  --fetch URL          an https address of a JSON document; under --dev also http on this machine\n"
    "\n" HELP_COMMON;
