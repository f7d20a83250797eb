import type { Meta } from "..";

export default [
  { list: "listProjects", slug: "projects", title: "Projects", one: "project", section: "Project", icon: "users-group", about: "Things owned together by several accounts." },
  { list: "listEvents", slug: "events", title: "Events", one: "event", section: "Project", icon: "list-details", about: "What happened, who did it, to what.", columns: ["level", "type", "description", "username", "account", "resourcename", "created"] },
  { list: "listWebhooks", slug: "webhooks", title: "Webhooks", one: "webhook", section: "Project", icon: "webhook", about: "Addresses that are told what happens." },
  { list: "listDomains", slug: "domains", title: "Domains", one: "domain", section: "Govern", icon: "sitemap", about: "The tree in which accounts live.", columns: ["state", "path", "level", "networkdomain", "created"], create: "createDomain" },
  { list: "listAccounts", slug: "accounts", title: "Accounts", one: "account", section: "Govern", icon: "users", about: "Owners of resources; their users sign in.", columns: ["state", "rolename", "domainpath", "networkdomain", "created"], create: "createAccount" },
  { list: "listUsers", slug: "users", title: "Users", one: "user", section: "Govern", icon: "user", about: "Who signs in, by password or key.", columns: ["state", "firstname", "lastname", "email", "account", "rolename", "created"], create: "createUser", context: (row) => row["email"] as string },
  { list: "listRoles", slug: "roles", title: "Roles", one: "role", section: "Govern", icon: "shield-check", about: "Sets of rules: which commands may be called.", columns: ["type", "description", "isdefault", "ispublic", "state"], create: "createRole" },
] satisfies Meta[];
