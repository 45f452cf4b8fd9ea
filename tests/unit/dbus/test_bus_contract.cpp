// SPDX-License-Identifier: LGPL-2.1-or-later
// The installed interface XML, what the service tells about itself, and the access table agree.
#include "dbus/authorizer.hpp"
#include "tests/support/bus_test.hpp"

#include <pugixml.hpp>

#include <map>
#include <set>

namespace virtpind::bus::test {
namespace {

constexpr const char* emits = "org.freedesktop.DBus.Property.EmitsChangedSignal";
constexpr const char* async = "org.freedesktop.DBus.Method.Async";

std::string annotation(const pugi::xml_node& node, const char* name, const char* otherwise)
{
    const auto found = node.find_child_by_attribute("annotation", "name", name);
    return found ? found.attribute("value").value() : otherwise;
}

pugi::xml_document load_xml(const std::string& interface)
{
    const char* dir = std::getenv("VIRTPIND_DBUS_DIR");
    pugi::xml_document document;
    const auto path = std::string{dir != nullptr ? dir : "."} + "/" + interface + ".xml";
    const auto loaded = document.load_file(path.c_str());
    EXPECT_TRUE(loaded) << path << ": " << loaded.description();
    return document;
}

pugi::xml_node find_interface(const pugi::xml_document& document, const std::string& name)
{
    return document.child("node").find_child_by_attribute("interface", "name", name.c_str());
}

// "method SetPolicy in:s:policy ... out:t:generation"; one line per member.
std::set<std::string> describe(const pugi::xml_node& interface)
{
    std::set<std::string> lines;
    for (const auto& member : interface.children()) {
        const std::string kind{member.name()};
        auto line = kind + " " + member.attribute("name").value();
        if (kind == "property") {
            line += std::string{" "} + member.attribute("type").value() + " " +
                    member.attribute("access").value() + " " + annotation(member, emits, "true");
        } else if (kind != "method" && kind != "signal") {
            continue;
        }
        for (const auto& arg : member.children("arg")) {
            line += " " + std::string{arg.attribute("direction").as_string("out")} + ":" +
                    arg.attribute("type").value() + ":" + arg.attribute("name").value();
        }
        lines.insert(line);
    }
    return lines;
}

class BusContract : public BusTest {
protected:
    void expect_same(const char* path, const std::string& name)
    {
        const auto reply =
            client->call(path, "org.freedesktop.DBus.Introspectable", "Introspect", "");
        pugi::xml_document live;
        ASSERT_TRUE(live.load_string(reply.text_result().c_str()));
        const auto documented = describe(find_interface(load_xml(name), name));
        EXPECT_GT(documented.size(), 10U);
        EXPECT_EQ(describe(find_interface(live, name)), documented);
    }
};

TEST_F(BusContract, IntrospectionEqualsTheXml)
{
    expect_same(manager_path, manager);
    expect_same(web1_path, domain);
}

TEST(BusXml, EverythingIsDocumentedAndAnnotated)
{
    for (const std::string name : {manager, domain}) {
        const auto document = load_xml(name);
        const auto interface = find_interface(document, name);
        EXPECT_TRUE(interface.child("doc:doc"));
        for (const auto& member : interface.children()) {
            const std::string kind{member.name()};
            if (kind != "method" && kind != "signal" && kind != "property") {
                continue;
            }
            const auto where = name + "." + member.attribute("name").value();
            EXPECT_TRUE(member.child("doc:doc").child("doc:description").child("doc:para"))
                << where;
            for (const auto& arg : member.children("arg")) {
                EXPECT_TRUE(arg.child("doc:doc").child("doc:summary").child("doc:para"))
                    << where << " " << arg.attribute("name").value();
            }
            if (kind == "property") {
                EXPECT_STREQ(member.attribute("access").value(), "read") << where;
                EXPECT_NE(annotation(member, emits, ""), "") << where;
            }
        }
    }
}

TEST(BusXml, EveryMethodHasItsAccessAndChangesAreAsynchronous)
{
    std::map<std::string, std::string> documented;
    std::map<std::string, std::pair<std::string, std::string>> arguments; // types, names
    for (const std::string name : {manager, domain}) {
        const auto document = load_xml(name);
        for (const auto& method : find_interface(document, name).children("method")) {
            const auto full = name + "." + method.attribute("name").value();
            documented.emplace(full, annotation(method, async, "at once"));
            for (const auto& arg : method.children("arg")) {
                const std::string direction{arg.attribute("direction").as_string("in")};
                if (direction == "in") {
                    auto& [types, names] = arguments[full];
                    types += arg.attribute("type").value();
                    names +=
                        (names.empty() ? "" : " ") + std::string{arg.attribute("name").value()};
                }
            }
        }
    }
    EXPECT_EQ(access_table().size(), documented.size());
    for (const auto& [method, access, types, names] : access_table()) {
        const auto found = documented.find(std::string{method});
        ASSERT_NE(found, documented.end()) << method;
        EXPECT_EQ((std::pair<std::string, std::string>{types, names}),
                  arguments[std::string{method}])
            << method;
        if (access != Access::open) {
            EXPECT_EQ(found->second, "server") << method;
        }
    }
}

} // namespace
} // namespace virtpind::bus::test
