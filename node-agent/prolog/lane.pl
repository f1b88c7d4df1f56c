:- module(lane,
          [ open_lane/1                 % +Path
          ]).
:- use_module(library(lists)).
:- use_module(library(settings), [setting/2]).
:- use_module(library(socket)).
:- use_module(answer, []).
:- use_module(vet, []).
:- use_module(reply, []).
:- use_module(knowledge).

/** <module> The lane: the second door, for questions that want all their answers at once

A Unix socket to which one agent keeps a few connections. Each connection is a warm thread of its own that answers one question after
the other: no queue between reading and answering, and no thread made for a question. It exists for speed alone: the same vetting
(vet.pl), the same evaluation under the same budgets (answer.pl), the same event text (reply.pl) as through library(pengines); a
differential test holds the two doors together.

A request is four bytes of length, big-endian, and a payload in ASCII whose first line is a header:

    ask ID FORMAT PENGINE LF lane(Ask,Template)         a question; FORMAT is prolog or json
    ask ID FORMAT PENGINE SITE LF lane(Ask,Template)    the same in an engine of many sites: SITE names the module of its facts
    cancel ID                                           nobody waits for it any more; on another connection
    drop TAG                                            nobody waits for the pengine made with that tag (vet.pl)
    forget TAG                                          its create was answered

and a reply is text in UTF-8, ended by a NUL, which neither format ever writes (they escape it); MICROS is the CPU time that the question took,
`-` stands for what it did not get to:

    ID NOW REVISION MICROS LF event NUL

An ID is the agent's own and never comes twice. A cancelled question is answered too, with the code `cancelled`, so that the
agent knows when its thread is free.
*/

%   running(Id, Thread, Due): a question that is being answered, and until when. unwanted(Id): cancelled before it was read.
:- dynamic running/3, unwanted/1.
%   known(Hash, Text, Template, Names, Data): a question that was read and vetted before; vetting looks at nothing but the text.
:- dynamic known/5.
%   slave_limit(Limit): what the stock server would say of it in a create's reply. Reading the setting takes ten times as long.
:- dynamic slave_limit/1.

%   The agent bounds what it forwards; this only keeps a broken frame from being taken for a length.
longest_frame(1048576).

%!  open_lane(+Path) is det.

open_lane(Path) :-
    setting(logic:slave_limit, Limit),
    retractall(slave_limit(_)),
    assertz(slave_limit(Limit)),
    warm_up,
    unix_domain_socket(Socket),
    tcp_bind(Socket, Path),
    tcp_listen(Socket, 16),
    thread_create(watch, _, [alias(lane_watch), detached(true)]),
    thread_create(accept(Socket), _, [alias(lane_acceptor), detached(true)]).

%   What is loaded at its first use is loaded here: a cancel in the middle of that would leave it half loaded.
warm_up :-
    forall(( member(Text, ["lane(prove(now(T),P),[T,P])", "lane(now(a),[])", "lane(a("]), member(Format, [prolog, json]) ),
           ( catch(answered(site-Text, warm, Reply), Error, failed(Error, warm, Reply)),
             setup_call_cleanup(open_null_stream(Out), send(Out, 0, Format, warm, Reply), close(Out)) )).

accept(Socket) :-
    repeat,
    tcp_accept(Socket, Client, _),
    tcp_open_socket(Client, In, Out),
    thread_create(serve(In, Out), _, [detached(true)]),
    fail.

                /*******************************
                *      reading                 *
                *******************************/

serve(In, Out) :-
    set_stream(In, encoding(octet)),
    set_stream(Out, encoding(utf8)),
    set_stream(Out, buffer(full)),
    logic:budget(stack, Stack),
    logic:budget(tables, Tables),
    set_prolog_flag(stack_limit, Stack),
    set_prolog_flag(table_space, Tables),
    catch(read_frames(In, Out), _, true),
    close(In, [force(true)]),
    close(Out, [force(true)]).

%   By failure, so that each question begins with empty stacks. Replies go out when no further question has come yet: whoever sends
%   many at once has the replies of many in one write.
read_frames(In, Out) :-
    repeat,
    ( wait_for_input([In], [], 0) -> flush_output(Out) ; true ),
    (   frame_length(In, Length)
    ->  read_string(In, Length, Frame),
        handle(Frame, Out),
        fail
    ;   !
    ).

frame_length(In, Length) :-
    get_byte(In, A),
    A >= 0,
    get_byte(In, B), get_byte(In, C), get_byte(In, D),
    Length is A<<24 \/ B<<16 \/ C<<8 \/ D,
    longest_frame(Most),
    Length =< Most.

handle(Frame, Out) :-
    (   sub_string(Frame, Before, 1, After, "\n")
    ->  sub_string(Frame, 0, Before, _, Header),
        sub_string(Frame, _, After, 0, Text)
    ;   Header = Frame,
        Text = ""
    ),
    split_string(Header, " ", "", Words),
    handle(Words, Text, Out).

handle(["ask", Id, FormatText, PengineText|Place], Text, Out) :-
    atom_string(Format, FormatText),
    atom_string(Pengine, PengineText),
    site(Place, Site),
    work(Id, Format, Pengine, Site-Text, Out).
handle(["cancel", Id], _, _) :-
    with_mutex(lane_cancels, cancel(Id)).

handle(["drop", Tag], _, _) :-
    vet:drop_tagged(Tag).
handle(["forget", Tag], _, _) :-
    vet:forget_tag(Tag).

site([], site).
site([Name], Site) :- atom_string(Site, Name).

cancel(Id) :-
    (   running(Id, Thread, _)
    ->  catch(thread_signal(Thread, lane:stop(Id)), _, true)
    ;   forget_old_cancels,
        assertz(unwanted(Id))
    ).

%   A cancel that crossed its reply on the way stays behind; what is not read by now never comes.
forget_old_cancels :-
    predicate_property(unwanted(_), number_of_clauses(Count)),
    (   Count < 256
    ->  true
    ;   once(retract(unwanted(_)))
    ).

%   In the thread of the question, which may have come to its end by itself.
stop(Id) :-
    end(Id, error(logic(cancelled, "nobody waits for the answer"), _)).

end(Id, Ball) :-
    (   running(Id, _, _)
    ->  throw(Ball)
    ;   true
    ).

%   One thread looks at the clock for all: an alarm of its own costs a question a quarter of its time. Each is told once.
watch :-
    repeat,
    sleep(0.05),
    get_time(Now),
    running(Id, _, Due),
    Due =< Now,
    with_mutex(lane_cancels, end_overdue(Id)),
    fail.

end_overdue(Id) :-
    (   retract(running(Id, Thread, _))
    ->  assertz(running(Id, Thread, inf)),
        catch(thread_signal(Thread, lane:end(Id, time_limit_exceeded)), _, true)
    ;   true
    ).

                /*******************************
                *      answering               *
                *******************************/

%   Both catches: a signal may come on the way into the inner one, or out of it.
work(Id, Format, Pengine, Asked, Out) :-
    thread_self(Me),
    catch(setup_call_cleanup(
              with_mutex(lane_cancels, claim(Id, Me, Claim)),
              reply_to(Claim, Asked, Pengine, Reply),
              with_mutex(lane_cancels, retractall(running(Id, _, _)))),
          Error,
          failed(Error, Pengine, Reply)),
    send(Out, Id, Format, Pengine, Reply).

claim(Id, Me, Claim) :-
    (   retract(unwanted(Id))
    ->  Claim = cancelled
    ;   logic:budget(wall, Wall),
        get_time(Now),
        Due is Now+Wall,
        assertz(running(Id, Me, Due)),
        Claim = wanted
    ).

reply_to(wanted, Asked, Pengine, Reply) :-
    catch(answered(Asked, Pengine, Reply), Error, failed(Error, Pengine, Reply)).
reply_to(cancelled, _, Pengine, Reply) :-
    failed(error(logic(cancelled, 'nobody waits for the answer'), _), Pengine, Reply).

%   answered(+Site-Text, +Pengine, -Reply): Reply is reply(Now, Revision, Event). Reading and vetting are in the budgets too.
answered(Asked, Pengine, reply(Now, Revision, Event)) :-
    statistics(cputime, Began),
    logic:counted(lane:rows(Asked, Names, Rows, Now, Revision)),
    statistics(cputime, Ended),
    Seconds is Ended-Began,
    (   Rows == []
    ->  Event = failure(Pengine, Seconds)
    ;   names(Names, Projection),
        Event = success(Pengine, Rows, Projection, Seconds, false)
    ).

rows(Site-Text, Names, Rows, Now, Revision) :-
    vetted(Text, Template, Names, Data),
    logic:evaluated(Data, Site, Question, Now, Revision, Answers),
    prove:question_columns(Question, Vars, Proof),
    findall(Template, member(answer(Vars, Proof), Answers), Rows).

vetted(Text, Template, Names, Data) :-
    term_hash(Text, Hash),
    known(Hash, Text, Template, Names, Data),
    !.
vetted(Text, Template, Names, Data) :-
    term_string(lane(Ask, Template), Text, [variable_names(Bindings), module(logic)]),
    columns(Template, Bindings, Names),
    vet:vetted(Ask, [template(Template), bindings(Names)], Data),
    remember(Text, Template, Names, Data).

%   Those that run, and are short: a thousand of them take a megabyte or two.
remember(Text, Template, Names, Data) :-
    (   Data = run(_),
        string_length(Text, Length),
        Length < 2000
    ->  predicate_property(known(_, _, _, _, _), number_of_clauses(Count)),
        ( Count < 1000 -> true ; retractall(known(_, _, _, _, _)) ),
        term_hash(Text, Hash),
        assertz(known(Hash, Text, Template, Names, Data))
    ;   true
    ).

names([], []).
names([Name=_|T0], [Name|T]) :- names(T0, T).

%   columns(+Template, +Bindings, -Names): Name=Var for the variables of the template, in its order.
columns(Template, Bindings, Names) :-
    term_variables(Template, Vars),
    columns_(Vars, Bindings, Names).

columns_([], _, []).
columns_([V|Vs], Bindings, [Name=V|Names]) :-
    member(Name=V0, Bindings),
    V0 == V,
    !,
    columns_(Vs, Bindings, Names).

failed(Error, Pengine, reply(-, -, error(Pengine, Plain))) :-
    reply:plain_error(Error, Plain).

                /*******************************
                *      writing                 *
                *******************************/

%   Kept in the stream's buffer: read_frames/2 sends them off.
send(Out, Id, Format, Pengine, reply(Now, Revision, Event)) :-
    slave_limit(Limit),
    event_micros(Event, Micros),
    write(Out, Id), put_char(Out, ' '), write(Out, Now), put_char(Out, ' '), write(Out, Revision), put_char(Out, ' '), write(Out, Micros),
    put_char(Out, '\n'),
    reply:write_event(Format, Out, create(Pengine, [slave_limit(Limit), answer(destroy(Pengine, Event))])),
    put_char(Out, '\000\').

event_micros(success(_, _, _, Seconds, _), Micros) :- !, Micros is round(Seconds*1000000).
event_micros(failure(_, Seconds), Micros) :- !, Micros is round(Seconds*1000000).
event_micros(_, -).
