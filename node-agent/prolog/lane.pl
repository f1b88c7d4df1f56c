:- module(lane,
          [ open_lane/2                 % +Path, +Workers
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

A Unix socket that one agent keeps open and writes question after question to, answered by a pool of warm threads in whatever
order they are done. It exists for speed alone: the same vetting (vet.pl), the same evaluation under the same budgets (answer.pl), the
same event text (reply.pl) as through library(pengines); a differential test holds the two doors together.

A frame is four bytes of length, big-endian, and a payload in ASCII whose first line is a header:

    ask ID FORMAT PENGINE LF lane(Ask,Template)         a question; FORMAT is prolog or json
    cancel ID                                           nobody waits for it any more
    ID NOW REVISION LF event                            the reply; `-` for what a question did not get to; UTF-8

A cancelled question is answered too, with the code `cancelled`, so that the agent knows when its thread is free.
*/

%   running(Client, Id, Thread): a question that a worker has taken. unwanted(Client, Id): cancelled before that.
:- dynamic running/3, unwanted/2.

%   The agent bounds what it forwards; this only keeps a broken frame from being taken for a length.
longest_frame(1048576).

%!  open_lane(+Path, +Workers) is det.

open_lane(Path, Workers) :-
    message_queue_create(_, [alias(lane_jobs)]),
    forall(between(1, Workers, I),
           ( atom_concat(lane_worker_, I, Alias),
             thread_create(worker, _, [alias(Alias), detached(true)]) )),
    unix_domain_socket(Socket),
    tcp_bind(Socket, Path),
    tcp_listen(Socket, 8),
    thread_create(accept(Socket), _, [alias(lane_acceptor), detached(true)]).

accept(Socket) :-
    repeat,
    tcp_accept(Socket, Client, _),
    tcp_open_socket(Client, In, Out),
    set_stream(In, encoding(octet)),
    set_stream(Out, encoding(octet)),
    set_stream(Out, buffer(full)),
    mutex_create(Lock),
    thread_create(serve(client(In, Out, Lock)), _, [detached(true)]),
    fail.

                /*******************************
                *      reading                 *
                *******************************/

serve(Client) :-
    Client = client(In, Out, Lock),
    catch(read_frames(In, Client), _, true),
    forall(running(Client, Id, _), cancel(Client, Id)),
    with_mutex(Lock, ( close(In, [force(true)]), close(Out, [force(true)]) )).

read_frames(In, Client) :-
    repeat,
    (   frame_length(In, Length)
    ->  read_string(In, Length, Frame),
        catch(handle(Frame, Client), error(_, _), true),
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

handle(Frame, Client) :-
    (   sub_string(Frame, Before, 1, After, "\n")
    ->  sub_string(Frame, 0, Before, _, Header),
        sub_string(Frame, _, After, 0, Text)
    ;   Header = Frame,
        Text = ""
    ),
    split_string(Header, " ", "", Words),
    handle(Words, Text, Client).

handle(["ask", Id, FormatText, PengineText], Text, Client) :-
    atom_string(Format, FormatText),
    atom_string(Pengine, PengineText),
    thread_send_message(lane_jobs, job(Client, Id, Format, Pengine, Text)).
handle(["cancel", Id], _, Client) :-
    cancel(Client, Id).

cancel(Client, Id) :-
    (   running(Client, Id, Thread)
    ->  catch(thread_signal(Thread, lane:stop(Client, Id)), _, true)
    ;   assertz(unwanted(Client, Id))
    ).

%   In the worker: it may have come to the end of that question by itself.
stop(Client, Id) :-
    (   running(Client, Id, _)
    ->  throw(error(logic(cancelled, "nobody waits for the answer"), _))
    ;   true
    ).

                /*******************************
                *      answering               *
                *******************************/

worker :-
    logic:budget(stack, Stack),
    logic:budget(tables, Tables),
    set_prolog_flag(stack_limit, Stack),
    set_prolog_flag(table_space, Tables),
    repeat,
    thread_get_message(lane_jobs, Job),
    catch(work(Job), _, true),
    fail.

work(job(Client, Id, Format, Pengine, Text)) :-
    thread_self(Me),
    (   retract(unwanted(Client, Id))
    ->  Reply = reply(-, -, error(Pengine, error(logic(cancelled, 'nobody waits for the answer'), _)))
    ;   setup_call_cleanup(
            assertz(running(Client, Id, Me)),
            catch(answered(Text, Pengine, Reply), Error, failed(Error, Pengine, Reply)),
            retractall(running(Client, Id, Me)))
    ),
    catch(send(Client, Id, Format, Pengine, Reply), _, true).

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

send(client(_, Out, Lock), Id, Format, Pengine, reply(Now, Revision, Event)) :-
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
    with_mutex(Lock, ( put_length(Out, Length), write(Out, Bytes), flush_output(Out) )).

put_length(Out, Length) :-
    forall(member(Shift, [24,16,8,0]),
           ( Byte is (Length >> Shift) /\ 255, put_byte(Out, Byte) )).
