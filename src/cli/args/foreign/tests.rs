use std::collections::HashSet;
use std::ffi::OsString;

use super::*;
use crate::cli::args::{Args, read};

/// Options of curl 7.88, wget 1.21, wget2 1.99 and aria2 1.36, as each program lists them.
const OPTIONS: [&str; 4] = [
    "\
     -# --abstract-unix-socket --alt-svc --anyauth --append --aws-sigv4 --basic --cacert --capath --cert \
     --cert-status --cert-type --ciphers --compressed --compressed-ssh --config --connect-timeout --connect-to \
     --continue-at --cookie --cookie-jar --create-dirs --create-file-mode --crlf --crlfile --curves --data \
     --data-ascii --data-binary --data-raw --data-urlencode --delegation --digest --disable --disable-eprt \
     --disable-epsv --disallow-username-in-url --dns-interface --dns-ipv4-addr --dns-ipv6-addr --dns-servers \
     --doh-cert-status --doh-insecure --doh-url --dump-header --egd-file --engine --etag-compare --etag-save \
     --expect100-timeout --fail --fail-early --fail-with-body --false-start --form --form-escape --form-string \
     --ftp-account --ftp-alternative-to-user --ftp-create-dirs --ftp-method --ftp-pasv --ftp-port --ftp-pret \
     --ftp-skip-pasv-ip --ftp-ssl-ccc --ftp-ssl-ccc-mode --ftp-ssl-control --get --globoff \
     --happy-eyeballs-timeout-ms --haproxy-protocol --head --header --help --hostpubmd5 --hostpubsha256 --hsts \
     --http0.9 --http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --http3-only --ignore-content-length \
     --include --insecure --interface --ipv4 --ipv6 --json --junk-session-cookies --keepalive-time --key --key-type \
     --krb --libcurl --limit-rate --list-only --local-port --location --location-trusted --login-options --mail-auth \
     --mail-from --mail-rcpt --mail-rcpt-allowfails --manual --max-filesize --max-redirs --max-time --metalink \
     --negotiate --netrc --netrc-file --netrc-optional --next --no-alpn --no-buffer --no-clobber --no-keepalive \
     --no-npn --no-progress-meter --no-sessionid --noproxy --ntlm --ntlm-wb --oauth2-bearer --output --output-dir \
     --parallel --parallel-immediate --parallel-max --pass --path-as-is --pinnedpubkey --post301 --post302 --post303 \
     --preproxy --progress-bar --proto --proto-default --proto-redir --proxy --proxy-anyauth --proxy-basic \
     --proxy-cacert --proxy-capath --proxy-cert --proxy-cert-type --proxy-ciphers --proxy-crlfile --proxy-digest \
     --proxy-header --proxy-insecure --proxy-key --proxy-key-type --proxy-negotiate --proxy-ntlm --proxy-pass \
     --proxy-pinnedpubkey --proxy-service-name --proxy-ssl-allow-beast --proxy-ssl-auto-client-cert \
     --proxy-tls13-ciphers --proxy-tlsauthtype --proxy-tlspassword --proxy-tlsuser --proxy-tlsv1 --proxy-user \
     --proxy1.0 --proxytunnel --pubkey --quote --random-file --range --rate --raw --referer --remote-header-name \
     --remote-name --remote-name-all --remote-time --remove-on-error --request --request-target --resolve --retry \
     --retry-all-errors --retry-connrefused --retry-delay --retry-max-time --sasl-authzid --sasl-ir --service-name \
     --show-error --silent --socks4 --socks4a --socks5 --socks5-basic --socks5-gssapi --socks5-gssapi-nec \
     --socks5-gssapi-service --socks5-hostname --speed-limit --speed-time --ssl --ssl-allow-beast \
     --ssl-auto-client-cert --ssl-no-revoke --ssl-reqd --ssl-revoke-best-effort --sslv2 --sslv3 --stderr \
     --styled-output --suppress-connect-headers --tcp-fastopen --tcp-nodelay --telnet-option --tftp-blksize \
     --tftp-no-options --time-cond --tls-max --tls13-ciphers --tlsauthtype --tlspassword --tlsuser --tlsv1 --tlsv1.0 \
     --tlsv1.1 --tlsv1.2 --tlsv1.3 --tr-encoding --trace --trace-ascii --trace-time --unix-socket --upload-file \
     --url --url-query --use-ascii --user --user-agent --verbose --version --write-out --xattr -0 -1 -2 -3 -4 -6 -: \
     -A -B -C -D -E -F -G -H -I -J -K -L -M -N -O -P -Q -R -S -T -U -V -X -Y -Z -a -b -c -d -e -f -g -h -i -j -k -l \
     -m -n -o -p -q -r -s -t -u -v -w -x -y -z",
    "\
     --accept --accept-regex --adjust-extension --append-output --ask-password --auth-no-challenge --background \
     --backup-converted --backups --base --bind-address --body-data --body-file --ca-certificate --ca-directory \
     --certificate --certificate-type --ciphers --compression --config --connect-timeout --content-disposition \
     --content-on-error --continue --convert-file-only --convert-links --crl-file --cut-dirs --debug --default-page \
     --delete-after --directory-prefix --dns-timeout --domains --exclude-directories --exclude-domains --execute \
     --follow-ftp --follow-tags --force-directories --force-html --ftp-password --ftp-user \
     --ftps-clear-data-connection --ftps-fallback-to-ftp --ftps-implicit --ftps-resume-ssl --header --help \
     --hsts-file --http-password --http-user --https-only --ignore-case --ignore-length --ignore-tags \
     --include-directories --inet4-only --inet6-only --input-file --keep-session-cookies --level --limit-rate \
     --load-cookies --local-encoding --max-redirect --method --mirror --no-cache --no-check-certificate --no-clobber \
     --no-config --no-cookies --no-directories --no-dns-cache --no-glob --no-host-directories --no-hsts \
     --no-http-keep-alive --no-if-modified-since --no-iri --no-netrc --no-parent --no-passive-ftp --no-proxy \
     --no-remove-listing --no-use-server-timestamps --no-verbose --no-warc-compression --no-warc-digests \
     --no-warc-keep-log --output-document --output-file --page-requisites --password --pinnedpubkey --post-data \
     --post-file --prefer-family --preserve-permissions --private-key --private-key-type --progress \
     --protocol-directories --proxy-password --proxy-user --quiet --quota --random-wait --read-timeout --recursive \
     --referer --regex-type --reject --reject-regex --rejected-log --relative --remote-encoding --report-speed \
     --restrict-file-names --retr-symlinks --retry-connrefused --retry-on-http-error --save-cookies --save-headers \
     --secure-protocol --server-response --show-progress --span-hosts --spider --start-pos --strict-comments \
     --timeout --timestamping --tries --trust-server-names --unlink --use-askpass --user --user-agent --verbose \
     --version --wait --waitretry --warc-cdx --warc-dedup --warc-file --warc-header --warc-max-size --warc-tempdir \
     --xattr -4 -6 -A -B -D -E -F -H -I -K -L -N -O -P -Q -R -S -T -U -V -X -a -b -c -d -e -h -i -k -l -m -nH -nc \
     -nd -np -nv -o -p -q -r -t -v -w -x",
    "\
     --accept-regex --ask-password --auth-no-challenge --backups --bind-address --ca-certificate --ca-directory \
     --cache --certificate --certificate-type --check-certificate --check-hostname --chunk-size --clobber \
     --compression --config --connect-timeout --content-disposition --content-on-error --cookie-suffixes --cookies \
     --crl-file --cut-dirs --cut-file-get-vars --cut-url-get-vars --default-http-port --default-https-port \
     --default-page --delete-after --directories --dns-caching --dns-timeout --egd-file --exclude-domains \
     --filter-mime-type --filter-urls --follow-tags --force-atom --force-css --force-metalink --force-progress \
     --force-rss --force-sitemap --fsync-policy --gnupg-homedir --gnutls-options --header --host-directories --hpkp \
     --hpkp-file --hsts --hsts-file --html-extension --http-keep-alive --http-password --http-proxy \
     --http-proxy-password --http-proxy-user --http-user --http2 --http2-request-window --https-enforce --https-only \
     --https-proxy --ignore-case --ignore-tags --input-encoding --iri --keep-session-cookies --list-plugins \
     --load-cookies --local-db --local-encoding --local-plugin --max-redirect --max-threads --metalink --netrc \
     --netrc-file --ocsp --ocsp-file --ocsp-stapling --parent --password --plugin --plugin-dirs --plugin-help \
     --plugin-opt --post-data --post-file --prefer-family --private-key --private-key-type --progress \
     --protocol-directories --proxy --quiet --random-file --random-wait --read-timeout --referer --regex-type \
     --reject-regex --remote-encoding --report-speed --restrict-file-names --retry-connrefused --robots \
     --save-cookies --save-headers --secure-protocol --signature-extensions --spider --stats-all --stats-dns \
     --stats-ocsp --stats-server --stats-site --stats-tls --strict-comments --tcp-fastopen --tls-false-start \
     --tls-resume --tls-session-file --trust-server-names --use-askpass --use-server-timestamps --user --user-agent \
     --verify-save-failed --waitretry --xattr -A -B -D -E -F -H -K -N -O -P -Q -R -S -T -U -V -a -c -d -e -h -i -k \
     -l -m -o -p -q -r -s -t -v -w -x",
    "\
     --all-proxy --all-proxy-passwd --all-proxy-user --allow-overwrite --allow-piece-length-change --always-resume \
     --async-dns --async-dns-server --auto-file-renaming --auto-save-interval --bt-detach-seed-only \
     --bt-enable-hook-after-hash-check --bt-enable-lpd --bt-exclude-tracker --bt-external-ip --bt-force-encryption \
     --bt-hash-check-seed --bt-load-saved-metadata --bt-lpd-interface --bt-max-open-files --bt-max-peers \
     --bt-metadata-only --bt-min-crypto-level --bt-prioritize-piece --bt-remove-unselected-file \
     --bt-request-peer-speed-limit --bt-require-crypto --bt-save-metadata --bt-seed-unverified --bt-stop-timeout \
     --bt-tracker --bt-tracker-connect-timeout --bt-tracker-interval --bt-tracker-timeout --ca-certificate \
     --certificate --check-certificate --check-integrity --checksum --conditional-get --conf-path --connect-timeout \
     --console-log-level --content-disposition-default-utf8 --continue --daemon --deferred-input --dht-entry-point \
     --dht-entry-point6 --dht-file-path --dht-file-path6 --dht-listen-addr6 --dht-listen-port --dht-message-timeout \
     --dir --disable-ipv6 --disk-cache --download-result --dry-run --dscp --enable-async-dns6 --enable-color \
     --enable-dht --enable-dht6 --enable-http-keep-alive --enable-http-pipelining --enable-mmap \
     --enable-peer-exchange --enable-rpc --event-poll --file-allocation --follow-metalink --follow-torrent \
     --force-save --force-sequential --ftp-passwd --ftp-pasv --ftp-proxy --ftp-proxy-passwd --ftp-proxy-user \
     --ftp-reuse-connection --ftp-type --ftp-user --gid --hash-check-only --header --help --http-accept-gzip \
     --http-auth-challenge --http-no-cache --http-passwd --http-proxy --http-proxy-passwd --http-proxy-user \
     --http-user --https-proxy --https-proxy-passwd --https-proxy-user --human-readable --index-out --input-file \
     --interface --keep-unfinished-download-result --listen-port --load-cookies --log --log-level \
     --lowest-speed-limit --max-concurrent-downloads --max-connection-per-server --max-download-limit \
     --max-download-result --max-file-not-found --max-mmap-limit --max-overall-download-limit \
     --max-overall-upload-limit --max-resume-failure-tries --max-tries --max-upload-limit --metalink-base-uri \
     --metalink-enable-unique-protocol --metalink-file --metalink-language --metalink-location --metalink-os \
     --metalink-preferred-protocol --metalink-version --min-split-size --min-tls-version --multiple-interface \
     --netrc-path --no-conf --no-file-allocation-limit --no-netrc --no-proxy --on-bt-download-complete \
     --on-download-complete --on-download-error --on-download-pause --on-download-start --on-download-stop \
     --optimize-concurrent-downloads --out --parameterized-uri --pause --pause-metadata --peer-agent \
     --peer-id-prefix --piece-length --private-key --proxy-method --quiet --realtime-chunk-checksum --referer \
     --remote-time --remove-control-file --retry-wait --reuse-uri --rlimit-nofile --rpc-allow-origin-all \
     --rpc-certificate --rpc-listen-all --rpc-listen-port --rpc-max-request-size --rpc-passwd --rpc-private-key \
     --rpc-save-upload-metadata --rpc-secret --rpc-secure --rpc-user --save-cookies --save-not-found --save-session \
     --save-session-interval --seed-ratio --seed-time --select-file --server-stat-if --server-stat-of \
     --server-stat-timeout --show-console-readout --show-files --socket-recv-buffer-size --split --ssh-host-key-md \
     --stderr --stop --stop-with-process --stream-piece-selector --summary-interval --timeout --torrent-file \
     --truncate-console-readout --uri-selector --use-head --user-agent --version -D -M -O -P -R -S -T -U -V -Z -c -d \
     -h -i -j -k -l -m -n -o -p -q -s -t -u -v -x",
];

/// Those that are typed most.
const USUAL: &str = "\
     -L --location --fail --fail-with-body --fail-early --silent -S --show-error --compressed --http1.1 --http2 --ciphers \
     --interface --write-out -w -4 -6 --ipv4 --resolve --cacert -O --remote-name --create-dirs -C --retry --retry-delay \
     --max-time -m --cookie --cookie-jar -Z --parallel -K --config -D --dump-header --request -X --data -I --head -e \
     --referer --globoff -g --noproxy --oauth2-bearer --next --range -r -c --continue --no-clobber -nc -nd -np -nH -nv -P \
     --directory-prefix --tries -t --wait --waitretry -T --no-check-certificate -N --timestamping --recursive -l --level \
     -p --page-requisites --mirror --cut-dirs --content-on-error --background -a --append-output --output-file -R \
     --reject --accept --spider --server-response --no-verbose --ca-certificate --save-cookies --load-cookies \
     --random-wait --quota --max-redirect --http-user --http-password --restrict-file-names --no-parent --chunk-size \
     --max-threads --max-connection-per-server --max-concurrent-downloads --min-split-size -k1M -k20M --file-allocation \
     --log --log-level --daemon --allow-overwrite --auto-file-renaming --summary-interval --console-log-level \
     --max-tries --retry-wait --lowest-speed-limit --max-overall-download-limit --save-session --check-certificate \
     --conditional-get --enable-rpc --seed-time --bt-tracker --all-proxy --check-integrity --disable-ipv6 --out \
     --on-download-complete";

/// The names that are haul's own.
fn own() -> HashSet<String> {
    let names = |arg: &clap::Arg| {
        let short = arg.get_short().map(|short| format!("-{short}"));
        let long = arg.get_long().map(|long| format!("--{long}"));
        short.into_iter().chain(long).collect::<Vec<_>>()
    };
    Args::described().get_arguments().flat_map(names).collect()
}

#[test]
fn what_is_foreign_is_no_option_of_haul_s_and_stands_there_once() {
    let mut seen = HashSet::new();
    for name in FOREIGN.iter().flat_map(|(names, _)| names.split_whitespace()) {
        assert!(seen.insert(name), "{name} stands there twice");
    }
    for name in own() {
        assert_eq!(advice(&name), None, "{name} is haul's own: take it out of the table");
    }
}

#[test]
fn advice_names_options_that_there_are() {
    let own = own();
    for (names, advice) in FOREIGN.iter().chain([&("-s -L", SILENT)]) {
        let words = advice.split([' ', ',', ';', '(', ')', ':']);
        for option in words.filter(|word| word.starts_with('-') && word.len() > 1) {
            let is_theirs = names.split_whitespace().any(|name| name == option);
            assert!(own.contains(option) || is_theirs, "{names:?}: {option}");
        }
    }
}

#[test]
fn an_option_is_known_with_its_value_by_its_beginning_and_in_one_word() {
    for (unknown, begins) in [
        ("--max-connection-per-server", Some("connections to one server")),
        ("--tries=3", Some("tries after")),
        ("--write-out", Some("what came of each URL")),
        ("--bt-tracker=x", Some("haul downloads over http")),
        ("--data-raw", Some("haul downloads, and sends")),
        ("-nc", Some("leave files")),
        ("-c", Some("nothing is needed")),
        ("-k1M", Some("connections for one large file")),
        ("--dri", None),
        ("--forma", None),
    ] {
        let said = advice(unknown);
        assert_eq!(
            said.map(|said| said.starts_with(begins.unwrap_or("?"))),
            begins.map(|_| true),
            "{unknown}"
        );
    }
}

/// What is not known is answered from the table or plainly, never with an option of another meaning.
#[test]
fn no_option_of_another_program_is_taken_for_one_that_it_only_looks_like() {
    let own = own();
    let listed = OPTIONS.iter().flat_map(|options| options.split_whitespace());
    for option in listed.filter(|option| !own.contains(*option)) {
        let words = ["haul", option, "list"].map(OsString::from);
        let error = read::understood(Args::described(), &words).unwrap_err().to_string();
        assert!(!error.contains("similar"), "{option}: {error}");
        assert!(!error.contains("to pass"), "{option}: {error}");
        let tips = error.matches("tip:").count();
        assert_eq!(tips, usize::from(advice(option).is_some()), "{option}: {error}");
    }
    for option in USUAL.split_whitespace() {
        assert!(advice(option).is_some(), "{option}");
    }
}
