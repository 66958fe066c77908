# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_campus_backup_global_optspecs
    string join \n demo q/quiet database-url= data-dir= archives= archive-key-file= archive-key-previous-file= database-connections= database-timeout= log= log-format= listen= internal-listen= swagger-ui= require-store= public-url= trusted-proxies= cors-origins= admin-username= admin-password-file= jwt-secret-file= jwt-secret-previous-file= token-lifetime= session-lifetime= login-burst= login-burst-address= timezone= max-downloads= chunk-size= blocking-threads= spool-limit= stall-timeout= require-confirmation= undo-window= upload-limit= body-limit= body-timeout= shutdown-timeout= oidc-jwks= oidc-issuer= oidc-audience= oidc-role-claim= oidc-admin-role= h/help V/version
end

function __fish_campus_backup_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_campus_backup_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_campus_backup_using_subcommand
    set -l cmd (__fish_campus_backup_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c campus-backup -n "__fish_campus_backup_needs_command" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l listen -d 'The address to listen on. Port 0 takes any free port, and the log names it' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l internal-listen -d 'A second address, for your own network. The metrics and Swagger UI are then only there. Everything else is at both' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l swagger-ui -d 'Whether the service has Swagger UI: `true` or `false`. The API\'s document is there in both cases' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l require-store -d 'Whether `/readyz` answers 503 while the store of archives does not work: `true` or `false`. Otherwise it answers 200 with a warning' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l public-url -d 'The address for browsers: download links begin with it, and the dashboard\'s cookie is for it. Its path is the one under which a proxy publishes the service [default: the host of the request]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l trusted-proxies -d 'Addresses or networks of proxies, with commas between them. The service believes their `X-Forwarded-For` and `X-Forwarded-Prefix`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l cors-origins -d 'Origins, such as `https://school.example`, with commas between them. Their pages can call the service and use its session (`credentials: "include"`)' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l admin-username -d 'The first administrator\'s name. The service creates the account if there is no administrator' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l admin-password-file -d 'A file with the first administrator\'s password' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l jwt-secret-file -d 'A file with the secret that signs tokens' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l jwt-secret-previous-file -d 'A file with a second secret that is still accepted during a rotation' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l token-lifetime -d 'How long a token is valid, `1d` at most. After this time without use, the dashboard asks for the password' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l session-lifetime -d 'After how long the dashboard asks an active user for the password again, `30d` at most' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l login-burst -d 'Sign-in attempts that one account has at once from one address, and ten times as many from all addresses. One comes back every 6 seconds. An address from which the account signed in lately needs only its own' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l login-burst-address -d 'The same for one address (IPv6: one network of 64 bits). One comes back every second' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l timezone -d 'The school\'s time zone, such as `Asia/Kolkata`: for times in CSV and XLSX and for file names' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l max-downloads -d 'Downloads at the same time, from the query to the last byte, at most 1,000. One more waits half a second and is then refused with 429' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l chunk-size -d 'How much of a download is collected before it is sent, `4KiB` to `1MiB`. Four such chunks can wait for a slow reader, eight if they are compressed' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l blocking-threads -d 'Threads for long work in each worker (one worker a core). A download needs one, another for compression, one more if two threads read it (CSV from SQLite), and one while it is spooled. The least is four times `--max-downloads` plus two. Threads start when they are needed [default: `512`, or more if `--max-downloads` needs them]' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l spool-limit -d 'How much space all downloads together can occupy on the disk of the data folder until they are sent: downloads through a proxy, workbooks, and the first 4 MiB of others. 64 MiB of the disk stay free. Without room a download through a proxy is refused with 507' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l stall-timeout -d 'After how long a download ends if its reader takes nothing, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l require-confirmation -d 'Whether each clear needs `confirm`: `true` or `false`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l undo-window -d 'For how long you can undo a clear, `365d` at most' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l upload-limit -d 'The largest archive that can be uploaded, `1TiB` at most' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l body-limit -d 'The largest body of a request, `1KiB` to `16MiB`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l body-timeout -d 'How long the whole body of a request can take, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l shutdown-timeout -d 'How long running downloads have to end after a stop, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l oidc-jwks -d 'Keys of an outside identity provider: a file or an http(s) address. Needs the next three' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l oidc-issuer -d 'The issuer of its tokens (`iss`)' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l oidc-audience -d 'The audience of its tokens (`aud`)' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l oidc-role-claim -d 'The claim with the role or roles. Dots lead into objects, as in `realm_access.roles`' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l oidc-admin-role -d 'The role that makes an administrator' -r
complete -c campus-backup -n "__fish_campus_backup_needs_command" -l demo -d 'Fill the database with a school that does not exist, if it is empty but for the first administrator'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -s V -l version -d 'Print version'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "serve" -d 'Run the service. It is the default: `campus-backup --demo` is `campus-backup serve --demo`. It runs pending migrations first'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "migrate" -d 'Create the data folder, the database file and the folder of archives if they are absent, run pending migrations, and end'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "admin" -d 'Manage administrators\' accounts'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "token" -d 'Print an access token for a user, for scripts'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "demo" -d 'Fill a database with an invented school. The database must be empty, or have only the first administrator, which stays'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "health" -d 'Ask the service that runs with these settings whether it is ready; for health checks'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "openapi" -d 'Print the API\'s document (OpenAPI)'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "backup" -d 'Create a backup of everything, read it back and store it'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "list" -d 'List the stored archives, the newest first. Needs no database and no account'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "show" -d 'Show an archive\'s details. Needs no database and no account. A file is read to its end and needs no installation'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "verify" -d 'Read an archive to its end and compare everything. Needs no database and no account; a file needs no installation either. If a stored archive is complete and its manifest is missing or damaged, the manifest is written again. Damage is recorded with the archive. Success is recorded only if the service verifies it, because only the service can sign it'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "extract" -d 'Write one table of an archive as a file, equal to its download at the archive\'s moment. Needs no database and no account; a file needs no installation either'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "diff" -d 'Compare two archives, or an archive with the live data'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "restore" -d 'Restore an archive: show the plan, ask for confirmation, create a safety backup, and restore in one transaction. An empty database is filled, too. If no administrator can sign in afterwards, one is created'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "clear" -d 'Delete all rows of a table and all rows that depend on them: show the counts, ask for confirmation, create a safety backup, and delete in one transaction. It can be undone'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "undo" -d 'Undo a clear: insert exactly the rows that it deleted'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "delete" -d 'Delete a stored archive permanently'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "protect" -d 'Protect a stored archive from deletion'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "upload" -d 'Store a backup file as an archive. The file is read to its end and refused if it is not complete'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "download" -d 'Save a stored archive as a file, or a table of the live data'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "completions" -d 'Print the shell\'s completion script'
complete -c campus-backup -n "__fish_campus_backup_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l listen -d 'The address to listen on. Port 0 takes any free port, and the log names it' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l internal-listen -d 'A second address, for your own network. The metrics and Swagger UI are then only there. Everything else is at both' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l swagger-ui -d 'Whether the service has Swagger UI: `true` or `false`. The API\'s document is there in both cases' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l require-store -d 'Whether `/readyz` answers 503 while the store of archives does not work: `true` or `false`. Otherwise it answers 200 with a warning' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l public-url -d 'The address for browsers: download links begin with it, and the dashboard\'s cookie is for it. Its path is the one under which a proxy publishes the service [default: the host of the request]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l trusted-proxies -d 'Addresses or networks of proxies, with commas between them. The service believes their `X-Forwarded-For` and `X-Forwarded-Prefix`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l cors-origins -d 'Origins, such as `https://school.example`, with commas between them. Their pages can call the service and use its session (`credentials: "include"`)' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l admin-username -d 'The first administrator\'s name. The service creates the account if there is no administrator' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l admin-password-file -d 'A file with the first administrator\'s password' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l jwt-secret-file -d 'A file with the secret that signs tokens' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l jwt-secret-previous-file -d 'A file with a second secret that is still accepted during a rotation' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l token-lifetime -d 'How long a token is valid, `1d` at most. After this time without use, the dashboard asks for the password' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l session-lifetime -d 'After how long the dashboard asks an active user for the password again, `30d` at most' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l login-burst -d 'Sign-in attempts that one account has at once from one address, and ten times as many from all addresses. One comes back every 6 seconds. An address from which the account signed in lately needs only its own' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l login-burst-address -d 'The same for one address (IPv6: one network of 64 bits). One comes back every second' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l timezone -d 'The school\'s time zone, such as `Asia/Kolkata`: for times in CSV and XLSX and for file names' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l max-downloads -d 'Downloads at the same time, from the query to the last byte, at most 1,000. One more waits half a second and is then refused with 429' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l chunk-size -d 'How much of a download is collected before it is sent, `4KiB` to `1MiB`. Four such chunks can wait for a slow reader, eight if they are compressed' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l blocking-threads -d 'Threads for long work in each worker (one worker a core). A download needs one, another for compression, one more if two threads read it (CSV from SQLite), and one while it is spooled. The least is four times `--max-downloads` plus two. Threads start when they are needed [default: `512`, or more if `--max-downloads` needs them]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l spool-limit -d 'How much space all downloads together can occupy on the disk of the data folder until they are sent: downloads through a proxy, workbooks, and the first 4 MiB of others. 64 MiB of the disk stay free. Without room a download through a proxy is refused with 507' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l stall-timeout -d 'After how long a download ends if its reader takes nothing, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l require-confirmation -d 'Whether each clear needs `confirm`: `true` or `false`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l undo-window -d 'For how long you can undo a clear, `365d` at most' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l upload-limit -d 'The largest archive that can be uploaded, `1TiB` at most' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l body-limit -d 'The largest body of a request, `1KiB` to `16MiB`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l body-timeout -d 'How long the whole body of a request can take, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l shutdown-timeout -d 'How long running downloads have to end after a stop, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l oidc-jwks -d 'Keys of an outside identity provider: a file or an http(s) address. Needs the next three' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l oidc-issuer -d 'The issuer of its tokens (`iss`)' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l oidc-audience -d 'The audience of its tokens (`aud`)' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l oidc-role-claim -d 'The claim with the role or roles. Dots lead into objects, as in `realm_access.roles`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l oidc-admin-role -d 'The role that makes an administrator' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -l demo -d 'Fill the database with a school that does not exist, if it is empty but for the first administrator'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand serve" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand migrate" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and not __fish_seen_subcommand_from create reset-password end-sessions help" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and not __fish_seen_subcommand_from create reset-password end-sessions help" -f -a "create" -d 'Create an administrator. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and not __fish_seen_subcommand_from create reset-password end-sessions help" -f -a "reset-password" -d 'Set a new password, which ends all sessions, tokens and download links of the account. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and not __fish_seen_subcommand_from create reset-password end-sessions help" -f -a "end-sessions" -d 'End all sessions, tokens and download links of a user. The service may be running'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and not __fish_seen_subcommand_from create reset-password end-sessions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l email -d 'Email address' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l password-file -d 'A file with the password; `-` is the standard input' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l password-file -d 'A file with the password; `-` is the standard input' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from reset-password" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -l all -d 'End those of all users'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from end-sessions" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "create" -d 'Create an administrator. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "reset-password" -d 'Set a new password, which ends all sessions, tokens and download links of the account. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "end-sessions" -d 'End all sessions, tokens and download links of a user. The service may be running'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l lifetime -d 'Lifetime of the token, `365d` at most [default: that of `--token-lifetime`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand token" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l scale -d 'Size of the school, 1,000 at most: 1 is 1,000 students, 5,000 payments and 100,000 rows of attendance' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand demo" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -l store -d 'Check the store of archives instead, without the service: write, read, list and delete a file in it'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand health" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand openapi" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l label -d 'Short name' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l note -d 'Free-text note' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l protected -d 'Protect it from deletion'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand backup" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand list" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l identity -d 'A file with secret keys of age, as `age-keygen` makes it, that opens this archive. Other users must not be able to read the file [default: the keys of the settings]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand show" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l identity -d 'A file with secret keys of age, as `age-keygen` makes it, that opens this archive. Other users must not be able to read the file [default: the keys of the settings]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l test-restore -d 'Also restore it into a temporary database, which shows how long a restore takes. Only for a stored archive'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand verify" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l format -d 'csv or json' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l output -d 'Output file, which appears only if the archive is complete. `-` is the standard output [default: -]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l delimiter -d 'Delimiter between the fields of CSV' -r -f -a "comma\t'`,`'
semicolon\t'`;`'
tab\t'A tab'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l decimals -d 'Decimal mark of amounts in CSV' -r -f -a "point\t'`12.50`'
comma\t'`12,50`'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l dates -d 'Style of dates in CSV' -r -f -a "day_first\t'`31-12-2024`'
iso\t'`2024-12-31`'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l timezone -d 'Time zone of times in CSV' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l identity -d 'A file with secret keys of age, as `age-keygen` makes it, that opens this archive. Other users must not be able to read the file [default: the keys of the settings]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l names -d 'Add columns with the names of students and courses beside their ids, in CSV and XLSX'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand extract" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l csv -d 'Print all rows that differ as CSV instead of counts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand diff" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l mode -d '`replace` makes the rows equal to the archive and deletes all others. `merge` deletes none. `insert_missing` adds only rows that are absent' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l table -d 'Restore only this table. May be repeated [default: everything]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l student -d 'Restore only the student with this id, with all rows that belong to them' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l disable-administrators -d 'Disable active administrators that the archive has as inactive, with another role, or with a password that no longer works. Without this flag they stay as they are'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l allow-unencrypted -d 'Restore a stored archive that is not encrypted although the settings encrypt archives. Anyone with write access to the store could have put it there without a key. A file needs no such flag'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l dry-run -d 'Show the plan and change nothing'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l yes -d 'Do not ask for confirmation. Required where there is no terminal to ask on'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l confirm-administrators -d 'Confirm the changes to administrators\' accounts that the plan names. Required with --yes if there are any'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand restore" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l expected-rows -d 'Change nothing if another number of rows would be deleted' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l dry-run -d 'Show what would be deleted and change nothing'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l yes -d 'Do not ask for confirmation. Required where there is no terminal to ask on'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand clear" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand undo" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l force -d 'Delete it even if the undo of a clear needs it. A protected archive is never deleted'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l yes -d 'Do not ask for confirmation. Required where there is no terminal to ask on'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand delete" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l off -d 'End the protection'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand protect" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l label -d 'Short name' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l note -d 'Free-text note' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l protected -d 'Protect it from deletion'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand upload" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l format -d 'Format of a table: csv, json or xlsx [default: csv; json for `all`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l output -d 'Output file, which appears only when it is complete. `-` is the standard output [default: a file in the current folder, named by its content]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l delimiter -d 'Delimiter between the fields of CSV' -r -f -a "comma\t'`,`'
semicolon\t'`;`'
tab\t'A tab'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l decimals -d 'Decimal mark of amounts in CSV' -r -f -a "point\t'`12.50`'
comma\t'`12,50`'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l dates -d 'Style of dates in CSV' -r -f -a "day_first\t'`31-12-2024`'
iso\t'`2024-12-31`'"
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l as -d 'The administrator that acts. A restore leaves this account as it is' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l database-url -d 'The database: `sqlite:FILE`, `postgres://...`, `mysql://...` or `mariadb://...` [default: the file `campus-backup.db` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l data-dir -d 'The folder for everything that the service stores itself. The service creates it with mode 0700' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l archives -d 'The store of archives: a folder or `file:FOLDER` (created with mode 0700), `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. Credentials and endpoints come from each provider\'s variables, such as `AWS_ACCESS_KEY_ID` [default: the folder `archives` in the data folder]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l archive-key-file -d 'A file with secret keys of age, as `age-keygen` writes it. Archives are encrypted to all of them, and opened with them [default: archives are not encrypted]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l archive-key-previous-file -d 'A file with secret keys that only open older archives' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l database-connections -d 'Connections that requests share, 2 to 1,000. Downloads have their own: `--max-downloads` more' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l database-timeout -d 'How long a request waits for the database or for another writer, up to `1h`' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l log -d '`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,campus_backup_domain=debug` [default: `info`; for commands that end by themselves `warn`, with `--json` `off`]' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l log-format -d '`text`, or `json` with one object a line' -r
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l names -d 'Add columns with the names of students and courses beside their ids, in CSV and XLSX'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -l json -d 'Print one JSON object, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -s q -l quiet -d 'Print nothing but what was asked for, and errors'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand download" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand completions" -s h -l help -d 'Print help'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "serve" -d 'Run the service. It is the default: `campus-backup --demo` is `campus-backup serve --demo`. It runs pending migrations first'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "migrate" -d 'Create the data folder, the database file and the folder of archives if they are absent, run pending migrations, and end'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "admin" -d 'Manage administrators\' accounts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "token" -d 'Print an access token for a user, for scripts'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "demo" -d 'Fill a database with an invented school. The database must be empty, or have only the first administrator, which stays'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "health" -d 'Ask the service that runs with these settings whether it is ready; for health checks'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "openapi" -d 'Print the API\'s document (OpenAPI)'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "backup" -d 'Create a backup of everything, read it back and store it'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "list" -d 'List the stored archives, the newest first. Needs no database and no account'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "show" -d 'Show an archive\'s details. Needs no database and no account. A file is read to its end and needs no installation'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "verify" -d 'Read an archive to its end and compare everything. Needs no database and no account; a file needs no installation either. If a stored archive is complete and its manifest is missing or damaged, the manifest is written again. Damage is recorded with the archive. Success is recorded only if the service verifies it, because only the service can sign it'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "extract" -d 'Write one table of an archive as a file, equal to its download at the archive\'s moment. Needs no database and no account; a file needs no installation either'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "diff" -d 'Compare two archives, or an archive with the live data'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "restore" -d 'Restore an archive: show the plan, ask for confirmation, create a safety backup, and restore in one transaction. An empty database is filled, too. If no administrator can sign in afterwards, one is created'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "clear" -d 'Delete all rows of a table and all rows that depend on them: show the counts, ask for confirmation, create a safety backup, and delete in one transaction. It can be undone'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "undo" -d 'Undo a clear: insert exactly the rows that it deleted'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "delete" -d 'Delete a stored archive permanently'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "protect" -d 'Protect a stored archive from deletion'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "upload" -d 'Store a backup file as an archive. The file is read to its end and refused if it is not complete'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "download" -d 'Save a stored archive as a file, or a table of the live data'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "completions" -d 'Print the shell\'s completion script'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and not __fish_seen_subcommand_from serve migrate admin token demo health openapi backup list show verify extract diff restore clear undo delete protect upload download completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "create" -d 'Create an administrator. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "reset-password" -d 'Set a new password, which ends all sessions, tokens and download links of the account. Without a password file, a one-time password is generated and printed once'
complete -c campus-backup -n "__fish_campus_backup_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "end-sessions" -d 'End all sessions, tokens and download links of a user. The service may be running'
