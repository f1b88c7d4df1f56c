:- module(state,
          [ control/1                   % +Request
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(http/http_json), [http_read_json_dict/3, reply_json_dict/2]).
:- use_module(knowledge).

/** <module> State: committed in transactions, rendered as text

The agent's control socket, never reachable from outside: `GET /ready`, `POST /commit`, `GET /state`. A batch of
observations becomes one transaction/1, so that readers see all of it or none, and moves the revision by exactly one.
swipl writes no file: it renders the text, Node writes it.
*/

%!  control(+Request) is det.
%
%   Serve one request of the control socket.

control(Request) :-
    memberchk(path(Path), Request),
    memberchk(method(Method), Request),
    catch(control(Method, Path, Request), error(logic(Code, Message), _),
          reply_json_dict(_{code:Code, message:Message}, [status(400)])).

control(get, '/ready', _) :-
    !,
    facts:revision(site, Revision),
    statistics(atoms, Atoms),
    statistics(functors, Functors),
    reply_json_dict(_{revision:Revision, atoms:Atoms, functors:Functors}, []).
control(get, '/state', _) :-
    !,
    snapshot(( facts:revision(site, Revision), facts:state_text(site, Text) )),
    format('logic-revision: ~d~nContent-type: text/plain; charset=UTF-8~n~n', [Revision]),
    write(Text).
control(post, '/commit', Request) :-
    !,
    http_read_json_dict(Request, Batch, [value_string_as_atom(false)]),
    maplist(observation, Batch.observations, Observations),
    with_mutex(logic_commit, commit(Batch.revision, Observations, Outcome)),
    reply(Outcome).
control(_, _, _) :-
    reply_json_dict(_{code:not_found, message:"no such path"}, [status(404)]).

reply(committed(Revision)) :-
    reply_json_dict(_{revision:Revision}, []).
reply(conflict(Revision)) :-
    reply_json_dict(_{code:conflict, revision:Revision}, [status(409)]).

observation(Dict, Fact-evidence(Source, ObservedAt, ValidUntil)) :-
    catch(term_string(Fact, Dict.fact, [module(facts)]), error(syntax_error(_), _),
          logic_errors:refuse(bad_fact, ['a fact that cannot be read'])),
    facts:check_fact(Fact, state),
    atom_string(Source, Dict.source),
    ObservedAt = Dict.observedAt,
    ValidUntil = Dict.validUntil.

commit(Revision, Observations, Outcome) :-
    facts:revision(site, Current),
    (   Revision =:= Current+1
    ->  transaction(apply_batch(Observations, Revision)),
        Outcome = committed(Revision)
    ;   Outcome = conflict(Current)
    ).

apply_batch(Observations, Revision) :-
    forall(member(Fact-Evidence, Observations), facts:put_fact(site, Fact, Evidence)),
    facts:set_revision(site, Revision).
