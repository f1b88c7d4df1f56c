:- module(state,
          [ control/1                   % +Request
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(filesex), [directory_member/3, directory_file_path/3]).
:- use_module(library(time), [call_with_time_limit/2]).
:- use_module(library(http/http_json), [reply_json_dict/2]).
:- use_module(library(http/http_parameters), [http_parameters/2]).
:- use_module(library(http/http_stream), [stream_range_open/3]).
:- use_module(answer, []).
:- use_module(vet, []).
:- use_module(knowledge).

/** <module> State: committed in transactions, rendered as text

The agent's control socket, never reachable from outside:

    GET  /ready                   revision, atoms, functors
    POST /commit?from=N&to=M      the batches that make revisions N to M, in order; one term a line
    GET  /state                   the canonical text
    GET  /expiry?from=T&to=T      did a fact go stale in between, and when is the next to
    GET  /observed-after?time=T   facts from the future: the clock was set back; JSON rows
    GET  /alerts?now=T&most=N     the first N changes that the rules want made to alerts
    GET  /active                  the alerts that are active
    POST /vet                     would this question be refused? It is not asked (vet.pl)
    POST /open?site=S&folder=F    one more site in this engine: inventory from F/site, state from F/state

Each may name the site that it is about, `site=S`: the module of its facts. Without, it is `site`, the one of an engine that holds one
site (kb/main.pl loads it); an engine of a load test holds hundreds.

A batch of observations becomes one transaction/1, so that readers see all of it or none, and is one revision. Batches that wait
already share a transaction: whoever is behind catches up faster than others push. They are read as terms,
`put(Fact,Source,ObservedAt,ValidUntil).` and `removed(Fact).`: as JSON it took ten times as long (14 us an observation, against
1.4). swipl writes no file: it renders the text, Node writes it.
*/

%!  control(+Request) is det.
%
%   Serve one request of the control socket.

control(Request) :-
    memberchk(path(Path), Request),
    memberchk(method(Method), Request),
    catch(control(Method, Path, Request), error(logic(Code, Message), _),
          reply_json_dict(_{code:Code, message:Message}, [status(400)])).

control(get, '/ready', Request) :-
    !,
    site(Request, Site),
    facts:revision(Site, Revision),
    statistics(atoms, Atoms),
    statistics(functors, Functors),
    reply_json_dict(_{revision:Revision, atoms:Atoms, functors:Functors}, []).
control(get, '/state', Request) :-
    !,
    site(Request, Site),
    snapshot(( facts:revision(Site, Revision), facts:state_text(Site, Text) )),
    format('logic-revision: ~d~nContent-type: text/plain; charset=UTF-8~n~n', [Revision]),
    write(Text).
control(post, '/commit', Request) :-
    !,
    site(Request, Site),
    http_parameters(Request, [from(From, [nonneg]), to(To, [nonneg])]),
    read_batch(Request, Batch),
    maplist(check_change, Batch),
    with_mutex(logic_commit, commit(Site, From-To, Batch, Outcome)),
    reply(Outcome).
control(get, '/expiry', Request) :-
    !,
    site(Request, Site),
    http_parameters(Request, [from(From, [integer]), to(To, [integer])]),
    snapshot(expiry(Site, From-To, Stale, Next)),
    reply_json_dict(_{stale:Stale, next:Next}, []).
control(get, '/observed-after', Request) :-
    !,
    site(Request, Site),
    http_parameters(Request, [time(Time, [integer])]),
    snapshot(findall(Row, future_row(Site, Time, Row), Rows)),
    reply_json_dict(_{rows:Rows}, []).
control(get, '/alerts', Request) :-
    !,
    site(Request, Site),
    http_parameters(Request, [now(Now, [integer]), most(Most, [integer])]),
    snapshot(alert_changes(Site, Now-Most, Revision, More, Changes)),
    reply_json_dict(_{revision:Revision, more:More, changes:Changes}, []).
control(get, '/active', Request) :-
    !,
    site(Request, Site),
    snapshot(( facts:revision(Site, Revision), findall(Active, active(Site, _, _, Active), Alerts) )),
    reply_json_dict(_{revision:Revision, alerts:Alerts}, []).
control(post, '/vet', Request) :-
    !,
    with_body(Request, body_text, Text),
    vet:verdict(Text, Data),
    reply_verdict(Data).
control(post, '/open', Request) :-
    !,
    http_parameters(Request, [site(Site, []), folder(Folder, [])]),
    facts:open_site(Site),
    load_part(Site, Folder, site, inventory),
    load_part(Site, Folder, state, state),
    facts:revision(Site, Revision),
    reply_json_dict(_{revision:Revision}, []).
control(_, _, _) :-
    reply_json_dict(_{code:not_found, message:"no such path"}, [status(404)]).

%   The site that a request is about.
site(Request, Site) :-
    http_parameters(Request, [site(Site, [default(site)])]),
    (   current_predicate(Site:revision/1)
    ->  true
    ;   logic_errors:refuse(unknown_site, ['no such site is open in this engine'])
    ).

%   In byte order of their names, as kb/main.pl loads them.
load_part(Site, Folder, Part, Kind) :-
    directory_file_path(Folder, Part, Directory),
    findall(File, directory_member(Directory, File, [extensions([pl])]), Files0),
    sort(Files0, Files),
    forall(member(File, Files), facts:load_facts(Site, File, Kind)).

body_text(Body, Text) :-
    read_string(Body, _, Text).

reply_verdict(run(_)) :-
    reply_json_dict(_{vetted:true}, []).
reply_verdict(refused(Code, Message0)) :-
    atom_string(Message0, Message),
    reply_json_dict(_{code:Code, message:Message}, [status(400)]).

reply(committed(Revision)) :-
    reply_json_dict(_{revision:Revision}, []).
reply(conflict(Revision)) :-
    reply_json_dict(_{code:conflict, revision:Revision}, [status(409)]).

                /*******************************
                *      a batch                 *
                *******************************/

read_batch(Request, Batch) :-
    catch(with_body(Request, read_changes, Batch), error(syntax_error(_), _),
          logic_errors:refuse(bad_fact, ['a fact that cannot be read'])).

%   with_body(+Request, :Reader, -Read): call(Reader, Body, Read) with the request's body as a stream of text.
:- meta_predicate with_body(+, 2, -).

with_body(Request, Reader, Read) :-
    memberchk(input(In), Request),
    memberchk(content_length(Length), Request),
    setup_call_cleanup(
        stream_range_open(In, Body, [size(Length)]),
        ( set_stream(Body, encoding(utf8)),
          call(Reader, Body, Read) ),
        close(Body)).

read_changes(Body, Changes) :-
    read_term(Body, Change, [module(facts)]),
    (   Change == end_of_file
    ->  Changes = []
    ;   Changes = [Change|Rest],
        read_changes(Body, Rest)
    ).

check_change(put(Fact, _, _, _)) :-
    !,
    facts:check_fact(Fact, state).
check_change(removed(Fact)) :-
    !,
    facts:check_fact(Fact, state).
check_change(_) :-
    logic_errors:refuse(bad_fact, ['a change is put/4 or removed/1']).

commit(Site, From-To, Batch, Outcome) :-
    facts:revision(Site, Current),
    (   From =:= Current+1
    ->  transaction(( apply_changes(Batch, Site), facts:set_revision(Site, To) )),
        Outcome = committed(To)
    ;   Outcome = conflict(Current)
    ).

apply_changes([], _).
apply_changes([Change|Changes], Site) :-
    apply_change(Change, Site),
    apply_changes(Changes, Site).

apply_change(put(Fact, Source, ObservedAt, ValidUntil), Site) :-
    facts:put_fact(Site, Fact, evidence(Source, ObservedAt, ValidUntil)).
apply_change(removed(Fact), Site) :-
    facts:remove_slot(Site, Fact).

                /*******************************
                *      time                    *
                *******************************/

expiry(Site, From-To, Stale, Next) :-
    ( facts:went_stale(Site, From, To) -> Stale = true ; Stale = false ),
    ( facts:next_expiry(Site, To, Next0) -> Next = Next0 ; Next = null ).

future_row(Site, Time, _{fact:Text, source:Source, observedAt:ObservedAt, validUntil:ValidUntil}) :-
    facts:observed_after(Site, Time, Fact, evidence(Source, ObservedAt, ValidUntil)),
    with_output_to(string(Text), ( current_output(Out), facts:write_canonical_term(Out, Fact) )).

                /*******************************
                *      alerts                  *
                *******************************/

%   The rules are asked like anyone asks, but for the answer limit: what is left over comes with the next pass.
alert_changes(Site, Now-Most, Revision, More, Changes) :-
    facts:revision(Site, Revision),
    prove:question(alert_change(A, S, V, C), [A,S,V,C], none, Question),
    logic:budget(wall, Wall),
    catch(call_with_time_limit(Wall, prove:answers(Question, Site, Now, Answers)), time_limit_exceeded,
          logic_errors:refuse(time_limit, ['the alert rules were stopped after ', Wall, ' s'])),
    length(Answers, Count),
    (   Count > Most
    ->  More = true,
        length(First, Most),
        append(First, _, Answers)
    ;   More = false,
        First = Answers
    ),
    maplist(change(Site), First, Changes).

change(Site, answer([Alert,Subject,Severity,Change], _),
       _{alert:AlertText, subject:SubjectText, severity:Severity, change:Change, before:Before}) :-
    atom_string(Alert, AlertText),
    atom_string(Subject, SubjectText),
    ( active(Site, Alert, Subject, Active) -> Before = Active ; Before = null ).

%   Names as strings: an atom named `true` or `null` would be no name in JSON.
active(Site, Alert, Subject, _{alert:AlertText, subject:SubjectText, severity:Severity, since:Since, unknown:Unknown}) :-
    facts:state_fact(Site, active_alert(Alert, Subject, Severity), evidence(_, Since, _)),
    atom_string(Alert, AlertText),
    atom_string(Subject, SubjectText),
    ( facts:state_fact(Site, alert_unknown(Alert, Subject), _) -> Unknown = true ; Unknown = false ).
