// SPDX-License-Identifier: LGPL-2.1-or-later
// What a person asks for by a click, one call after the other: the service lets few calls of one
// user wait, and a password that is refused once is not asked for again for the rest of the same
// click. A change of a policy remembers what was set before, so that it can be undone as long as
// nobody else has changed it.
#pragma once

#include "clients/view/answers.hpp"
#include "service_link.hpp"
#include "tray_model.hpp"

#include <QObject>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace virtpind::tray {

enum class When { now, next_start };

class Changes : public QObject {
    Q_OBJECT

public:
    // Both outlive it.
    Changes(TrayModel& model, ServiceLink& link, QObject* parent = nullptr);

    void choose_policy(const std::string& uuid, const std::string& policy, When when);
    void set_isolated(const std::string& uuid, bool isolated);
    void undo(const std::string& uuid);
    void reset(const std::string& uuid);
    void reapply(const std::string& uuid);
    // By a Hold, which ends with this applet.
    void pause(const std::vector<std::string>& uuids);
    void resume(const std::vector<std::string>& uuids);

    // A call for this guest is under way, or waits.
    [[nodiscard]] bool is_busy(const std::string& uuid) const;
    // What undo() would set: the policy's name, or "" for none of its own. nullopt: there is
    // nothing to undo.
    [[nodiscard]] std::optional<std::string> undo_of(const std::string& uuid) const;

signals:
    void changed();
    // A call for a guest failed: the error's name on the bus, and its text.
    void failed(const std::string& uuid, const QString& name, const QString& text);

private:
    struct Job {
        std::uint64_t number = 0;
        std::string uuid;
        std::uint64_t click = 0; // jobs of one click
        std::function<void()> begin;
    };

    struct Undo {
        std::optional<client::StoredPolicy> before; // nullopt: none of its own
        std::uint64_t generation = 0;               // of the guest after the change
    };

    void add(const std::string& uuid, std::uint64_t click, std::function<void()> begin);
    void begin_next();
    // Of the job that is under way.
    template <class T>
    void end(const Reply<T>& reply);
    void set(const std::string& uuid, const PolicyCall& call);
    void set_knowing(const std::string& uuid, const PolicyCall& call,
                     std::optional<Undo> undo_afterwards);

    TrayModel& model_;
    ServiceLink& link_;
    std::deque<Job> jobs_; // the first is under way
    std::uint64_t jobs_made_ = 0;
    std::uint64_t under_way_ = 0; // its number
    std::uint64_t clicks_ = 0;
    std::map<std::string, Undo> undos_;
};

} // namespace virtpind::tray
