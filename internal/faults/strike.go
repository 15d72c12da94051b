//go:build linux

package faults

import (
	"context"
	"syscall"
	"time"
)

// mostMembers bounds the processes of a run.
const mostMembers = 4

// strikeAll makes the plan's faults at their times, and returns when the last
// one is over.
func (r *run) strikeAll(ctx context.Context) error {
	for _, f := range r.plan.Faults {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(r.began.Add(f.At))):
		}
		r.journal.note("strike: %s", f)
		if err := r.strike(f); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(r.began.Add(r.plan.Lasts))):
	}
	r.ending.Wait()
	return ctx.Err()
}

// strike makes one fault; what lasts is ended by a goroutine.
func (r *run) strike(f Fault) error {
	switch f.Kind {
	case StoreKill:
		r.count(f, send(r.storePID(), syscall.SIGKILL))
	case StorePause:
		r.pause(f, r.storePID())
	case BrokerKill:
		r.count(f, send(r.broker.pid(), syscall.SIGKILL))
	case BrokerPause:
		r.pause(f, r.broker.pid())
	case DiskFull, DiskGone:
		free, err := r.fill(f.Kind == DiskGone)
		r.count(f, err == nil)
		if err == nil {
			r.later(f, free)
		}
	case MemberJoin:
		if len(r.alive()) >= mostMembers {
			return nil
		}
		r.count(f, true)
		return r.join(20 + f.Pick%500)
	default:
		return r.strikeMember(f)
	}
	return nil
}

// strikeMember makes a fault of one member; with nobody there, one comes.
func (r *run) strikeMember(f Fault) error {
	alive := r.alive()
	if len(alive) == 0 {
		return r.join(r.plan.MaxRows)
	}
	m := alive[f.Pick%len(alive)]
	r.journal.note("  %s", m.name)
	another := func() { _ = r.join(20 + f.Pick%500) } // settle sees to it that there is one
	switch f.Kind {
	case MemberKill:
		m.kill()
		r.count(f, true)
		r.later(f, another)
	case MemberLeave:
		r.count(f, true)
		r.ending.Go(func() { m.leave(15 * time.Second) })
		r.later(f, another)
	case MemberPause:
		r.pause(f, m.process.Pid)
	case StoreCut:
		m.toStore.cutAll()
		r.count(f, true)
	case BrokerCut:
		m.toBroker.cutAll()
		r.count(f, true)
	case BrokerStall:
		m.toBroker.stall(f.For)
		r.count(f, true)
	default:
		m.triggers()[f.Kind].arm(f.For)
	}
	return nil
}

// triggers are the faults that wait for the next insert or commit.
func (m *member) triggers() map[Kind]*trigger {
	return map[Kind]*trigger{
		StoreCutMid: &m.store.cutMid, StoreCutAfter: &m.store.cutAfter, StoreLate: &m.store.late,
		CommitLost: &m.broker.commitLost, CommitLate: &m.broker.commitLate,
	}
}

// pause stops a process for so long.
func (r *run) pause(f Fault, pid int) {
	stopped := send(pid, syscall.SIGSTOP)
	r.count(f, stopped)
	if stopped {
		r.later(f, func() { send(pid, syscall.SIGCONT) })
	}
}

// later ends a fault when its time is over.
func (r *run) later(f Fault, end func()) {
	r.ending.Go(func() {
		<-time.After(f.For)
		r.journal.note("over: %s", f.Kind)
		end()
	})
}

func (r *run) count(f Fault, struck bool) {
	if struck {
		r.mu.Lock()
		r.struck[f.Kind]++
		r.mu.Unlock()
	}
}
