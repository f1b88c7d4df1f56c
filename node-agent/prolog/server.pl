/** <module> The Prolog side of one agent

Started and owned by the agent's supervisor (src/prolog/process.ts):

    $ swipl --on-error=halt -q server.pl -- --kb kb/main.pl --pengine P.sock --control C.sock --lane L.sock --limits '{...}'

Loads the knowledge base (knowledge.pl), serves library(pengines) on one Unix socket and the control requests (state.pl) on
another, and the lane (lane.pl) on a third, prints the line `ready`, and ends when its standard input does, so that it never outlives its agent.
*/

:- module(server, []).
:- use_module(library(main), [main/0]).
:- use_module(library(settings), [set_setting/2]).
:- use_module(library(lists)).
:- use_module(library(error)).
:- use_module(library(readutil), [read_line_to_codes/2]).
:- use_module(library(http/thread_httpd)).
:- use_module(library(http/http_dispatch)).
:- use_module(library(http/json), [atom_json_dict/3]).
:- use_module(library(pengines)).
:- pengine_application(logic).          % before the module of that name exists: the directive demands it
:- use_module(answer).
:- use_module(vet).
:- use_module(reply).
:- use_module(state).
:- use_module(lane).

:- initialization(main, main).

main(Argv) :-
    argument(Argv, '--pengine', PengineSocket),
    argument(Argv, '--control', ControlSocket),
    argument(Argv, '--lane', LaneSocket),
    argument(Argv, '--limits', LimitsText),
    atom_json_dict(LimitsText, Limits, []),
    set_budgets(Limits),
    set_pengine_limits(logic, Limits),
    set_pengine_limits(pengine_sandbox, Limits),
    set_setting(pengines:thread_pool_size, Limits.sessions),
    http_server(http_dispatch, [unix_socket(PengineSocket), workers(Limits.workers)]),
    open_lane(LaneSocket),
    % The agent keeps two connections and closes them itself: a worker each, for as long as it likes (bridge.ts), and one for whoever
    % looks from beside.
    http_server(control, [unix_socket(ControlSocket), workers(3), keep_alive_timeout(infinite)]),
    write(user_output, 'ready\n'),
    flush_output(user_output),
    until_end_of_input.

argument(Argv, Name, Value) :-
    (   nextto(Name, Value, Argv)
    ->  true
    ;   existence_error(command_line_argument, Name)
    ).

%   A client that does not answer, or a goal stuck inside one C call: the pengine goes a moment after its wall budget.
set_pengine_limits(Application, Limits) :-
    Time is Limits.wallMs/1000.0 + 0.5,
    Idle is Limits.idleMs/1000.0,
    set_setting(Application:time_limit, Time),
    set_setting(Application:idle_limit, Idle).

until_end_of_input :-
    read_line_to_codes(user_input, Codes),
    (   Codes == end_of_file
    ->  halt(0)
    ;   until_end_of_input
    ).
