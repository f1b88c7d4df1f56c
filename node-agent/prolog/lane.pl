:- module(lane,
          [ open_lane/1                 % +Path
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(settings), [setting/2]).
:- use_module(library(socket)).
:- use_module(library(memfile)).
:- use_module(answer, []).
:- use_module(vet, []).
:- use_module(reply, []).
:- use_module(knowledge).

/** <module> The lane: the second door, for questions that want all their answers at once

A Unix socket to which one agent keeps a few connections. Each connection is a warm thread of its own that answers one question after
the other: no queue between reading and answering, and no thread made for a question. It exists for speed alone: the same vetting
(vet.pl), the same evaluation under the same budgets (answer.pl), the same event text (reply.pl) as through library(pengines); a
differential test holds the two doors together.

A frame is four bytes of length, big-endian, and a payload in ASCII whose first line is a header:

    ask ID FORMAT PENGINE LF lane(Ask,Template)         a question; FORMAT is prolog or json
    cancel ID                                           nobody waits for it any more; on another connection
    ID NOW REVISION LF event                            the reply; `-` for what a question did not get to; UTF-8

An ID is the agent's own and never comes twice. A cancelled question is answered too, with the code `cancelled`, so that the
agent knows when its thread is free.
*/

%   running(Id, Thread): a question that is being answered. unwanted(Id): cancelled before it was read.
:- dynamic running/2, unwanted/1.

%   The agent bounds what it forwards; this only keeps a broken frame from being taken for a length.
longest_frame(1048576).

%!  open_lane(+Path) is det.

open_lane(Path) :-
    unix_domain_socket(Socket),
    tcp_bind(Socket, Path),
    tcp_listen(Socket, 16),
    thread_create(accept(Socket), _, [alias(lane_acceptor), detached(true)]).

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
    set_stream(Out, encoding(octet)),
    set_stream(Out, buffer(full)),
    logic:budget(stack, Stack),
    logic:budget(tables, Tables),
    set_prolog_flag(stack_limit, Stack),
    set_prolog_flag(table_space, Tables),
    catch(read_frames(In, Out), _, true),
    close(In, [force(true)]),
    close(Out, [force(true)]).

%   By failure, so that each question begins with empty stacks.
read_frames(In, Out) :-
    repeat,
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

handle(["ask", Id, FormatText, PengineText], Text, Out) :-
    atom_string(Format, FormatText),
    atom_string(Pengine, PengineText),
    work(Id, Format, Pengine, Text, Out).
handle(["cancel", Id], _, _) :-
    (   running(Id, Thread)
    ->  catch(thread_signal(Thread, lane:stop(Id)), _, true)
    ;   assertz(unwanted(Id))
    ).

%   In the thread of the question, which may have come to its end by itself.
stop(Id) :-
    (   running(Id, _)
    ->  throw(error(logic(cancelled, "nobody waits for the answer"), _))
    ;   true
    ).

                /*******************************
                *      answering               *
                *******************************/

work(Id, Format, Pengine, Text, Out) :-
    (   retract(unwanted(Id))
    ->  Reply = reply(-, -, error(Pengine, error(logic(cancelled, 'nobody waits for the answer'), _)))
    ;   thread_self(Me),
        setup_call_cleanup(
            assertz(running(Id, Me)),
            catch(answered(Text, Pengine, Reply), Error, failed(Error, Pengine, Reply)),
            retractall(running(Id, Me)))
    ),
    send(Out, Id, Format, Pengine, Reply).

%   answered(+Text, +Pengine, -Reply): Reply is reply(Now, Revision, Event).
answered(Text, Pengine, reply(Now, Revision, Event)) :-
    statistics(cputime, Began),
    term_string(lane(Ask, Template), Text, [variable_names(Bindings), module(logic)]),
    columns(Template, Bindings, Names),
    vet:vetted(Ask, [template(Template), bindings(Names)], Data),
    logic:solved(Data, Question, Now, Revision, Answers),
    prove:question_columns(Question, Vars, Proof),
    findall(Template, member(answer(Vars, Proof), Answers), Rows),
    statistics(cputime, Ended),
    Seconds is Ended-Began,
    (   Rows == []
    ->  Event = failure(Pengine, Seconds)
    ;   maplist([Name=_,Name]>>true, Names, Projection),
        Event = success(Pengine, Rows, Projection, Seconds, false)
    ).

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

send(Out, Id, Format, Pengine, reply(Now, Revision, Event)) :-
    setting(logic:slave_limit, Limit),
    Whole = create(Pengine, [slave_limit(Limit), answer(destroy(Pengine, Event))]),
    setup_call_cleanup(
        new_memory_file(Memory),
        ( setup_call_cleanup(open_memory_file(Memory, write, Text, [encoding(utf8)]),
                             ( format(Text, '~w ~w ~w~n', [Id, Now, Revision]),
                               reply:write_event(Format, Text, Whole) ),
                             close(Text)),
          memory_file_to_string(Memory, Bytes, octet) ),
        free_memory_file(Memory)),
    string_length(Bytes, Length),
    put_length(Out, Length),
    write(Out, Bytes),
    flush_output(Out).

put_length(Out, Length) :-
    forall(member(Shift, [24,16,8,0]),
           ( Byte is (Length >> Shift) /\ 255, put_byte(Out, Byte) )).
