//! Options of curl, wget, wget2 and aria2c, in groups that are answered alike.

/// Names, as they are typed, and what to say. One that ends in `*` is the beginning of many. Where a letter means something
/// else in each program, all of them are answered.
pub(super) const FOREIGN: &[(&str, &str)] = &[
    // How many at once.
    (
        "-Z --parallel --parallel-max --max-concurrent-downloads --optimize-concurrent-downloads --max-threads \
         --concurrency --threads --processes",
        "files at once: -j N, 16 if nothing is said",
    ),
    ("--max-connection-per-server", "connections to one server: --per-host N"),
    (
        "--min-split-size --chunk-size --piece-length",
        "connections for one large file: --split N; how large a share is, haul decides",
    ),
    (
        "--parallel-immediate --create-dirs --remote-time --netrc --netrc-optional --deferred-input --no-buffer \
         --keepalive-time --enable-http-keep-alive --http-keep-alive --tcp-nodelay --use-server-timestamps",
        "nothing is needed: haul does so always",
    ),
    ("--wait --random-wait", "requests further apart: --rate N/UNIT"),
    (
        "-w",
        "requests further apart: --rate N/UNIT (wget's -w); what came of each URL: --json (curl's -w)",
    ),
    (
        "--max-download-limit --max-overall-download-limit",
        "bytes a second of the whole run: --limit-rate SIZE",
    ),
    (
        "--uri-selector --reuse-uri --server-stat-* --stream-piece-selector",
        "nothing is needed: a source that fails is left for the next one",
    ),
    // Where files go.
    (
        "-P --directory-prefix --output-dir --out-dir --directory",
        "the folder for the files: -d DIR",
    ),
    (
        "-O --remote-name --remote-name-all --output-document --out",
        "files are named after their URLs; a single URL goes elsewhere with -o PATH, - is standard output; one in a list \
         with a path behind it",
    ),
    (
        "--trust-server-names --content-disposition-default-utf8 --remote-header-name",
        "let the server name the file: -J",
    ),
    (
        "-nd --no-directories -nH --no-host-directories",
        "nothing is needed: without --layout there are no folders (haul's own -n, -d and -H stand apart)",
    ),
    (
        "--cut-dirs --directories --host-directories --force-directories --protocol-directories",
        "folders below DIR: --layout flat|path|host, or a path behind each URL",
    ),
    (
        "--restrict-file-names",
        "nothing is needed: names are cleaned, whoever gives them",
    ),
    (
        "--default-page",
        "a URL without a name gives index.html; another name: a path behind the URL",
    ),
    // What is there already.
    (
        "-C --continue --continue-at --always-resume",
        "nothing is needed: haul always goes on with what is unfinished",
    ),
    (
        "-c",
        "nothing is needed: haul always goes on with what is unfinished (curl's -c: cookies that servers set are not kept)",
    ),
    (
        "-nc --no-clobber",
        "leave files that are there alone, without asking: --existing skip",
    ),
    (
        "-N -z --timestamping --conditional-get --time-cond --etag-compare --etag-save",
        "fetch what is newer than what is there: --existing update",
    ),
    ("--allow-overwrite --clobber --overwrite", "replace what is there: -f"),
    (
        "--auto-file-renaming --backups",
        "take a free name where one is taken: --existing rename",
    ),
    (
        "--check-integrity --hash-check-only",
        "checksums by file name: --checksums FILE",
    ),
    (
        "--file-allocation --no-file-allocation-limit --disk-cache --enable-mmap --max-mmap-limit",
        "nothing is needed: the room for a file is reserved before it comes",
    ),
    // What fails.
    (
        "--fail --fail-with-body --content-on-error --save-not-found --max-file-not-found",
        "nothing is needed: an error answer is never saved, and its entry fails",
    ),
    (
        "--remove-on-error --remove-control-file --unlink",
        "nothing is needed: a file has its name only when it is whole",
    ),
    ("--fail-early", "stop at the first entry that fails: --fail-fast"),
    (
        "--save-session --save-session-interval --force-save --rejected-log",
        "what failed, as a list: --failed FILE",
    ),
    (
        "--tries --max-tries --retry --max-retries --max-resume-failure-tries",
        "tries after the first: --retries N",
    ),
    (
        "-t",
        "tries after the first: --retries N (wget's -t); give up on a connection that is silent: --timeout TIME (aria2c's)",
    ),
    (
        "--waitretry --retry-wait --retry-delay --retry-max-time",
        "the longest wait between tries: --retry-max-wait TIME",
    ),
    (
        "--retry-all-errors --retry-connrefused --retry-on-http-error --retry-on-host-error",
        "nothing is needed: what may pass is tried again, see --retries",
    ),
    (
        "--max-time --stop --stop-with-process",
        "no file has a time limit; give up on a connection that is silent: --timeout TIME",
    ),
    (
        "-m",
        "no file has a time limit, a silent connection has: --timeout TIME (curl's -m); tries after the first: --retries N \
         (aria2c's); haul follows no links (wget's)",
    ),
    (
        "--read-timeout --speed-time",
        "give up on a connection that is silent: --timeout TIME",
    ),
    (
        "-T",
        "give up on a connection that is silent: --timeout TIME (wget's -T); haul sends nothing (curl's)",
    ),
    (
        "--dns-timeout",
        "name lookup, TCP and TLS together: --connect-timeout TIME",
    ),
    (
        "-Y -y --lowest-speed-limit --speed-limit",
        "give up on a connection that is slower: --min-speed SIZE, for as long as --timeout",
    ),
    ("--max-filesize", "fetch no file that is larger: --max-size SIZE"),
    ("-Q --quota", "a run has no limit of bytes, a file has: --max-size SIZE"),
    // What is asked for.
    ("--url", "a URL stands by itself: haul URL"),
    ("-L --location", "nothing is needed: redirects are followed, up to ten"),
    (
        "--location-trusted --max-redirs --max-redirect",
        "redirects are followed, up to ten; credentials go to no other server",
    ),
    (
        "-g --globoff --no-glob",
        "nothing is needed: a URL is one URL, brackets and braces are no patterns",
    ),
    (
        "-: --next",
        "options of one URL stand in a list, indented below it; a list of curl's: --format curl LIST",
    ),
    (
        "--range --start-pos --ignore-length --ignore-content-length",
        "haul fetches whole files, as long as the server says",
    ),
    (
        "-r",
        "haul fetches whole files (curl's -r) and follows no links (wget's)",
    ),
    (
        "-p --recursive --page-requisites --mirror --level --no-parent -np --span-hosts --accept --accept-regex --reject \
         --reject-regex --domains --exclude-domains --include-directories --exclude-directories --follow-tags \
         --ignore-tags --relative --convert-links --convert-file-only --backup-converted --adjust-extension \
         --html-extension --filter-* --force-html --base -B --robots --parent",
        "haul follows no links: it fetches what its list names",
    ),
    (
        "-R",
        "nothing is needed: a file gets its server's date (curl's -R); haul follows no links (wget's)",
    ),
    ("--spider", "without downloading: --dry-run"),
    (
        "-G --head --use-head --request --request-target --get --data --data-* --form --form-* --url-query --upload-file --post-* \
         --method --body-* --append --crlf",
        "haul downloads, and sends nothing else: use curl",
    ),
    (
        "-I -X -F",
        "haul downloads, and sends nothing else: use curl; it follows no links, either (wget's -I, -X and -F)",
    ),
    (
        "--ftp* --follow-ftp --passive-ftp --no-passive-ftp --krb --list-only --quote --mail-* --tftp-* --telnet-option \
         --metalink* --follow-metalink --torrent-file --follow-torrent --show-files --select-file --index-out --bt-* \
         --dht-* --enable-dht* --enable-peer-exchange --peer-* --seed-* --listen-port --max-upload-limit \
         --max-overall-upload-limit",
        "haul downloads over http and https, and in no other way",
    ),
    (
        "--proto --proto-redir --proto-default --https-enforce --hsts*",
        "haul speaks http and https; without http: --https-only",
    ),
    // How it is asked for.
    ("--referer", "any header field: -H 'Referer: URL'"),
    (
        "-e",
        "any header field: -H 'Referer: URL' (curl's -e); there is no configuration, and no robots.txt is read (wget's)",
    ),
    ("--useragent --agent", "the User-Agent field: -A NAME"),
    (
        "-U",
        "the User-Agent field: -A NAME (aria2c's and wget's -U); credentials of a proxy stand in its URL (curl's)",
    ),
    (
        "--compressed --compression --http-accept-gzip --tr-encoding",
        "files come as they are: haul asks for none in a compressed form",
    ),
    (
        "--cache --no-cache --http-no-cache",
        "any header field: -H 'Cache-Control: no-cache'",
    ),
    (
        "--http1.0 --http1.1 --http2 --http2-prior-knowledge -0 --no-alpn --enable-http-pipelining",
        "nothing is needed: HTTP/2 where the server has it, else HTTP/1.1",
    ),
    ("--http3 --http3-only", "haul speaks HTTP/2 and HTTP/1.1"),
    (
        "-4 -6 --ipv4 --ipv6 --inet4-only --inet6-only --prefer-family --disable-ipv6 --interface --bind-address \
         --local-port --multiple-interface --happy-eyeballs-timeout-ms",
        "the system chooses the way: addresses of both families are tried, over any interface",
    ),
    (
        "--resolve --connect-to --dns-servers --dns-interface --dns-ipv4-addr --dns-ipv6-addr --doh-* --async-dns* \
         --enable-async-dns6 --dns-cache --no-dns-cache --dns-caching",
        "the system looks names up: an address of your own stands in /etc/hosts",
    ),
    (
        "--http-user --http-passwd --http-password --password --login-options",
        "credentials: -u USER:PASSWORD",
    ),
    (
        "--ask-password --use-askpass",
        "credentials: -u USER:PASSWORD, or the netrc",
    ),
    (
        "--basic --auth-no-challenge --http-auth-challenge",
        "nothing is needed: the credentials of -u go with each request",
    ),
    (
        "--anyauth --digest --ntlm* --negotiate --aws-sigv4 --delegation --sasl-*",
        "credentials are sent as they are (-u USER:PASSWORD), or as a bearer token (the variable HAUL_TOKEN)",
    ),
    ("--oauth2-bearer", "a bearer token: the variable HAUL_TOKEN"),
    ("--netrc-file --netrc-path", "another netrc: the variable NETRC"),
    (
        "--cookie --load-cookies",
        "a cookie file: -b FILE; a cookie: -H 'Cookie: NAME=VALUE'",
    ),
    (
        "--cookie-jar --save-cookies --keep-session-cookies --junk-session-cookies --no-cookies",
        "cookies that servers set are not kept; those of a file are sent: -b FILE",
    ),
    (
        "--all-proxy* --http-proxy* --https-proxy* --ftp-proxy* --proxy-* --proxy1.0 --proxytunnel --socks* --preproxy \
         --no-proxy --noproxy",
        "a proxy: -x URL, with USER:PASSWORD@ before its host, or the variables http_proxy, https_proxy, all_proxy and \
         no_proxy",
    ),
    // Whom to trust.
    (
        "--no-check-certificate --check-certificate --no-verify --no-check-hostname --check-hostname",
        "believe any certificate: -k",
    ),
    (
        "--cacert --ca-certificate",
        "believe the certificates of a file: --ca-cert FILE",
    ),
    (
        "--capath --ca-directory",
        "certificates instead of the machine's own: the variable SSL_CERT_DIR",
    ),
    (
        "--certificate --private-key --cert-type --certificate-type --key-type --private-key-type",
        "a certificate of yours, in PEM: --cert FILE, and --key FILE if its key is in another",
    ),
    (
        "-E",
        "a certificate of yours, in PEM: --cert FILE (curl's -E); haul follows no links (wget's)",
    ),
    ("--pass", "a key with a passphrase is not read; without one: --key FILE"),
    (
        "--ciphers --curves --tls* --sslv* --ssl --ssl-* --min-tls-version --secure-protocol --gnutls-options -1 -2 -3",
        "nothing is needed: TLS 1.3 or 1.2, and no weak ciphers",
    ),
    // What is said.
    (
        "-S",
        "nothing but failures: -q (curl's -S); header fields of answers are not shown (wget's)",
    ),
    ("--silent --show-error -nv --no-verbose", "nothing but failures: -q"),
    (
        "-# --progress-bar --no-progress-meter --show-progress --force-progress --summary-interval \
         --show-console-readout --truncate-console-readout --report-speed --human-readable",
        "how progress is shown: --progress bars|plain|none",
    ),
    ("--styled-output --enable-color", "colours: --color always|never"),
    (
        "--output-file --append-output --log --log-level --console-log-level --stderr -a",
        "messages go to standard error, and from there into a file: 2> FILE; a report: --report FILE",
    ),
    (
        "-l",
        "messages go to standard error: 2> FILE (aria2c's -l); haul follows no links (wget's)",
    ),
    (
        "--write-out --on-* --download-result --stats-*",
        "what came of each URL, for programs: --json; a report: --report FILE",
    ),
    (
        "--dump-header --include --save-headers --server-response --debug --trace*",
        "header fields of answers are not shown; what came of each URL: --json",
    ),
    (
        "-D",
        "header fields of answers are not shown (curl's -D), no links followed (wget's); in the background: haul LIST & \
         (aria2c's)",
    ),
    (
        "--background --daemon",
        "in the background: haul LIST &, or nohup haul LIST &",
    ),
    (
        "--enable-rpc --rpc-*",
        "no other program steers haul; one may write its list, into a pipe: producer | haul",
    ),
    ("-M --manual", "the manual: haul --generate man"),
    (
        "-K --config",
        "a list of curl's: haul --format curl LIST; options: the variables HAUL_*, for there is no configuration file",
    ),
    (
        "--conf-path --no-conf --no-config --disable --execute",
        "haul has no configuration file; options: the variables HAUL_*",
    ),
];
