"""Words that tools and the system say of themselves, beside those of the package's files; none of them is a name."""

import builtins
import http
import os
import re
import signal
from collections.abc import Iterator

# Accounts that are no person's, and words that go on after "user" without naming one.
ACCOUNTS = frozenset({"root", "postgres", "keycloak", "garage", "caddy", "docker", "nobody", "daemon", "stuf"})
AFTER_USER = frozenset({
    "a", "and", "are", "at", "can", "cannot", "could", "data", "does", "failed", "for", "from", "has", "id", "in", "is",
    "name", "namespace", "not", "of", "on", "or", "service", "session", "that", "the", "to", "was", "who", "with",
})  # fmt: skip
# Words that a name may be and that tell nobody apart.
OF_EVERYBODY = frozenset({"true", "false", "null", "none", "yes", "no", "on", "off", "and", "the"})
_SAID = """
Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun
abort aborted accept accepted acquire address again alive allocate allocated allocation already apt arguments
assertion attempt authentication authorization available backend backoff bad because before begin bind bootstrap
broken bucket buffer build bytes cache caller canceled cancelled cannot capacity cause caused certificate chain check
checking checkpoint checksum client clock closed closing code command commit complete compose config configuration
connect connected connecting connection constraint container context convert copy core corrupt corrupted could cpu
crashed create created creating credentials critical daemon database datadir deactivated deadlock debug declined
default defined delayed delete deleted denied dependency deprecated detail device dial digest disabled disconnect
disconnected disk dns docker does domain done down download driver dropped dump duplicate during empty enabled
encountered endpoint entry environment error errors evicted exceeded exception exclusive executable exhausted exist
existing exists exit exited expected expired expires failed failing failure fatal fetch file filesystem finished flush
folder forbidden forced foreign format found frozen gateway generated get group handler handshake health healthcheck
healthy heap held hint host hostname identifier idle ignored image images immediately incomplete info initialized
inode input inside instance insufficient internal interrupted interval invalid io issue issuer item job journal kernel
key kill killed killing known language last latency layer leaf lease level limit line link list listen listening load
loaded local locale lock locked log lookup lost maintenance manifest mapping maximum mem memory message metadata
method metric migration minimum misconfigured missing mkdir mode module monitor mount mounted mounting mounts mutex
name namespace network newer node none notice null object occurred offline offset old online only oom open opened
operation option out output overflow owner package packages panic parameter parse parsing partition path peer pending
permission permitted pid ping pipe plugin pool port postmaster preparing previous priority privileged problem process
processes profile progress protocol provider proxy pull pulled pulling push query queue quota rate rc reached reading
ready realm reason rebooted receive received recovery redirect reference refused registry rejected relation release
reload reloaded remaining remote remove removed removing rename replaced replica replication request requested
requests require required reset resolve resolved resource respond responded response restart restarted restarting
restarts restored resume resumed retries retry retrying returned revoked role rollback route rule rules running
runtime schema script secure segment select self send sending sent sequence serial server session setting settings
shared shell shutdown signal signature size skipped slow smart snapshot socket software source ssh ssl stack stale
stalled standby start started starting startup state statement status still stopped stopping storage stored stream
subnet succeeded success successful successfully superuser swap switch syntax system table target task tcp temporary
terminate terminated terminating thread throttled throttling time timed timeout timestamp tls token traceback traffic
transaction transient truncated trusted try trying type unable unauthenticated unauthorized unavailable unchanged
unexpected unhealthy unknown unlink unlock unmounted unreachable unsupported until up update updated upgrade upload
upstream uptime usage used uuid valid validating validation value values verification verify version volume wait
waiting warning watchdog while within without worker write writing wrong
"""


def of_the_system() -> Iterator[str]:
    """What errors, signals, answers of a web server and Python's exceptions are called, and what tools say."""
    texts = [os.strerror(number) for number in range(1, 134)]
    texts += [f"{status.phrase} {status.description}" for status in http.HTTPStatus]
    texts += [f"{number.name} {signal.strsignal(number) or ''}" for number in signal.Signals]
    texts += [name for name in dir(builtins) if name[0].isupper()]
    for text in (*texts, _SAID):
        yield from re.findall(r"\w+", text)
