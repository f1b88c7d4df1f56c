:- module(reply, []).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(pengines)).
:- use_module(library(http/json), [json_write_dict/3]).
:- use_module(answer, []).
:- use_module(knowledge).

/** <module> What a pengine's event looks like on the wire

Takes over the writing of every event (hook `pengines:write_result/3`), for two reasons: a reply to a question that ran carries
the header lines `logic-now` and `logic-revision`, which the agent signs; and errors are rebuilt from a closed list. The stock writer calls
message_to_string/2 on them, which runs print hooks over what a client sent (SHARP-EDGES 6).

Formats are docs/protocol.md sections 4 and 5.
*/

:- multifile pengines:write_result/3.

pengines:write_result(prolog, Event0, _) :-
    plain_event(Event0, Event),
    stamp_headers(Event0),
    format('Content-type: text/x-prolog; charset=UTF-8~n~n'),
    current_output(Out),
    write_event(prolog, Out, Event).
pengines:write_result(json, Event0, _) :-
    plain_event(Event0, Event),
    stamp_headers(Event0),
    format('Content-type: application/json; charset=UTF-8~n~n'),
    current_output(Out),
    write_event(json, Out, Event).

%!  write_event(+Format, +Stream, +Event) is det.
%
%   The text of an event whose errors are plain already. Both doors write by this. Answers that would make it too large are
%   replaced by that error: text is not in the stack's budget, and names repeat in it.

write_event(Format, Out, Event0) :-
    (   fitting(Format, Event0)
    ->  Event = Event0
    ;   too_large(Event0, Event)
    ),
    write_text(Format, Out, Event).

write_text(prolog, Out, Event) :-
    facts:write_canonical_term(Out, Event),
    write(Out, '.\n').
write_text(json, Out, Event) :-
    event_json(Event, JSON),
    json_write_dict(Out, JSON, [width(0)]).

%   So many cells are below any limit on text: names have at most 256 characters (shared/src/limits.ts).
small(50000).

fitting(_, Event) :-
    small(Small),
    term_size(Event, Size),
    Size =< Small,
    !.
fitting(prolog, Event) :-
    logic:budget(reply, Most),
    write_length(Event, _, [max_length(Most), quoted(true), ignore_ops(true)]).
fitting(json, Event) :-
    logic:budget(reply, Most),
    setup_call_cleanup(
        open_null_stream(Out),
        ( write_text(json, Out, Event), character_count(Out, Length) ),
        close(Out)),
    Length =< Most.

too_large(success(Id, _, _, _, _), error(Id, error(logic(too_large, 'the answers are too large: ask for fewer'), _))).
too_large(destroy(Id, Event0), destroy(Id, Event)) :- too_large(Event0, Event).
too_large(create(Id, Features0), create(Id, Features)) :-
    select(answer(Event0), Features0, answer(Event), Features),
    too_large(Event0, Event).

stamp_headers(Event) :-
    (   answered(Event, Pengine, Last),
        logic:take_stamp(Pengine, Last, Now, Revision)
    ->  format('logic-now: ~d~nlogic-revision: ~d~n', [Now, Revision])
    ;   true
    ).

%   answered(+Event, -Pengine, -Last) is semidet: Event says what became of a question that ran to its end; Last is
%   true when the pengine ends with it.
answered(success(Pengine, _, _, _, _), Pengine, false).
answered(failure(Pengine, _), Pengine, false).
answered(destroy(_, Event), Pengine, true) :- answered(Event, Pengine, _).
answered(create(_, Features), Pengine, Last) :- memberchk(answer(Event), Features), answered(Event, Pengine, Last).

%   plain_event(+Event0, -Event): errors replaced by error(logic(Code, Message), _), Message an atom.
plain_event(error(Pengine, abort_query), abort(Pengine)) :- !.      % aborted while it was vetted
plain_event(error(Pengine, Error), error(Pengine, Plain)) :- !, plain_error(Error, Plain).
plain_event(destroy(Pengine, Event0), destroy(Pengine, Event)) :- !, plain_event(Event0, Event).
plain_event(create(Pengine, Features0), create(Pengine, Features)) :- !, maplist(plain_feature, Features0, Features).
plain_event(Event, Event).

plain_feature(answer(Event0), answer(Event)) :- !, plain_event(Event0, Event).
plain_feature(Feature, Feature).

plain_error(error(logic(Code, Message0), _), error(logic(Code, Message), _)) :- !, atom_string(Message, Message0).
plain_error(error(existence_error(pengine, Id), _), error(existence_error(pengine, Id), _)) :- atom(Id), !.
plain_error(error(syntax_error(_), _), error(logic(syntax_error, 'syntax error'), _)) :- !.
plain_error(error(resource_error(_), _), error(logic(memory_limit, 'stopped at the stack limit'), _)) :- !.
plain_error(error(existence_error(pengine_application, _), _), error(logic(bad_request, 'the application is logic'), _)) :- !.
plain_error(error(protocol_error, _), error(logic(bad_request, 'the pengine does not expect this event now'), _)) :- !.
plain_error(time_limit_exceeded, error(logic(time_limit, 'stopped at the time limit'), _)) :- !.
plain_error(_, error(logic(internal, 'an internal error occurred'), _)).

event_json(success(Id, Rows0, Projection, Time, More), json{event:"success", id:IdText, data:Rows, projection:Names, time:Time, more:More}) :-
    !,
    atom_string(Id, IdText),
    maplist(term_json, Rows0, Rows),
    maplist(term_json, Projection, Names).
event_json(failure(Id, Time), json{event:"failure", id:IdText, time:Time}) :- !, atom_string(Id, IdText).
event_json(error(Id, error(existence_error(pengine, Gone), _)),
           json{event:"error", id:IdText, code:"existence_error", arg1:"pengine", arg2:GoneText, data:"no such pengine"}) :-
    !,
    atom_string(Id, IdText),
    atom_string(Gone, GoneText).
event_json(error(Id, error(logic(Code, Message), _)), json{event:"error", id:IdText, code:CodeText, data:Text}) :-
    !,
    atom_string(Id, IdText),
    atom_string(Code, CodeText),
    atom_string(Message, Text).
event_json(destroy(Id, Event), json{event:"destroy", id:IdText, data:Data}) :-
    !,
    atom_string(Id, IdText),
    event_json(Event, Data).
event_json(create(Id, Features0), JSON) :-
    !,
    atom_string(Id, IdText),
    maplist(feature_json, Features0, Features),
    dict_create(JSON, json, [event-"create", id-IdText|Features]).
event_json(Event, json{event:NameText, id:IdText}) :-
    compound(Event),
    compound_name_arguments(Event, Name, [Id|_]),
    atom_string(Name, NameText),
    atom_string(Id, IdText).

feature_json(answer(Event), answer-JSON) :- !, event_json(Event, JSON).
feature_json(Feature, Name-JSON) :-
    compound_name_arguments(Feature, Name, [Value]),
    term_json(Value, JSON).

%   term_json(+Term, -JSON): docs/protocol.md section 5.
term_json(T, J) :- is_dict(T), !, dict_pairs(T, Tag, Pairs0), maplist(pair_json, Pairs0, Pairs), dict_pairs(J, Tag, Pairs).
term_json([], []) :- !.
term_json(T, J) :- is_list(T), !, maplist(term_json, T, J).
term_json(T, J) :- atom(T), !, atom_string(T, J).
term_json(T, J) :- integer(T), abs(T) >= 1<<53, !, format(string(Digits), '~d', [T]), J = json{integer:Digits}.
term_json(T, T) :- number(T), !.
term_json(T, T) :- string(T), !.
term_json(T, json{functor:NameText, args:Args}) :-
    compound(T),
    !,
    compound_name_arguments(T, Name, Args0),
    atom_string(Name, NameText),
    maplist(term_json, Args0, Args).
term_json(_, "_").

pair_json(Key-Value0, Key-Value) :- term_json(Value0, Value).
