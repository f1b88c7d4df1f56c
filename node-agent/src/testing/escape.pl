:- module(escape,
          [ attempts/1                  % +Given
          ]).
:- use_module(library(lists)).
:- use_module(library(filesex)).
:- use_module(library(process)).
:- use_module(library(readutil)).
:- use_module(library(socket)).
:- use_module(library(unix)).

/** <module> For a test: what an engine would do that ran a stranger's goal after all

Says on standard error, for each thing that it tries, `attempt NAME escaped` or `attempt NAME held`. Given is a dict: `port` of a
TCP listener, `socket` of a Unix one, `folder` and `run` (both exist), `secret` (a file), `pid` of a process that may be ended.
*/

attempts(Given) :-
    forall(attempt(Name, Given, Goal), try(Name, Goal)).

try(Name, Goal) :-
    (   catch(Goal, _, fail)
    ->  Outcome = escaped
    ;   Outcome = held
    ),
    write(user_error, attempt(Name, Outcome)),
    nl(user_error).

attempt(connect, G, ( tcp_socket(S), tcp_connect(S, localhost:G.port) )).
attempt(listen, _, ( tcp_socket(S), tcp_bind(S, localhost:_), tcp_listen(S, 5) )).
attempt(udp, _, udp_socket(_)).
attempt(connect_unix, G, ( unix_domain_socket(S), tcp_connect(S, G.socket) )).
attempt(write, G, write_file(G.folder)).
attempt(write_beside_sockets, G, write_file(G.run)).
attempt(write_tmp, _, write_file('/tmp')).
attempt(append, G, ( open(G.secret, append, Out), close(Out) )).
attempt(read_secret, G, read_file_to_string(G.secret, _, [])).
attempt(read_environment, G, ( atomic_list_concat(['/proc/', G.pid, '/environ'], File), read_file_to_string(File, _, []) )).
attempt(make_folder, G, ( directory_file_path(G.folder, made, Path), make_directory(Path) )).
attempt(rename, G, ( directory_file_path(G.folder, moved, Path), rename_file(G.secret, Path), rename_file(Path, G.secret) )).
attempt(link, G, ( directory_file_path(G.folder, link, Path), link_file(G.secret, Path, symbolic) )).
attempt(process, _, process_create(path(true), [], [])).
attempt(fork, _, forked).
attempt(signal, G, kill(G.pid, cont)).
attempt(delete, G, delete_file(G.secret)).

write_file(Folder) :-
    directory_file_path(Folder, 'logic-node-escaped', File),
    open(File, write, Out),
    write(Out, x),
    close(Out),
    delete_file(File).

forked :-
    fork(Pid),
    (   Pid == child
    ->  halt
    ;   wait(Pid, _)
    ).
