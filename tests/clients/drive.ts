// Drives a server with the generated client: from the registration to the sign-out.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type Tokens = components["schemas"]["TokensAnswer"];

const baseUrl = process.argv[2] ?? assert.fail("the address of the server is missing");
const anyone = createClient<paths>({ baseUrl });
const password = "violet-otter-plays-7-cellos";

/** The result of a call that must be accepted. */
function accepted<T>(answer: { data?: T; error?: Problem }): T {
    if (answer.data === undefined) {
        assert.fail(`${answer.error?.code}: ${answer.error?.detail}`);
    }
    return answer.data;
}

/** The error of a call that must be refused. */
function refused(answer: { error?: Problem }): Problem {
    assert.ok(answer.error, "the call was accepted");
    return answer.error;
}

function as(tokens: Tokens) {
    return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${tokens.access_token}` } });
}

async function signIn(): Promise<Tokens> {
    const body = { username: "ada", password, delivery: "body" } as const;
    const answer = accepted(await anyone.POST("/api/auth/login/json", { body }));
    if ("mfa_required" in answer) {
        assert.fail("the account has a second factor");
    }
    return answer;
}

const body = { username: "ada", email: "ada@example.org", password };
const registered = await anyone.POST("/api/auth/register", { body });
assert.equal(registered.response.status, 201);
let tokens = await signIn();

const account = accepted(await as(tokens).GET("/api/auth/me"));
assert.equal(account.username, "ada");
assert.equal(account.kind, "user");

const { items } = accepted(await as(tokens).GET("/api/auth/sessions"));
assert.deepEqual(items.map((session) => session.id), [tokens.session_id]);

const question = { resource: "schedule", action: "create" };
const check = accepted(await as(tokens).POST("/api/authz/check", { body: question }));
assert.equal(check.allowed, false);

const { refresh_token } = tokens;
tokens = accepted(await anyone.POST("/api/auth/refresh", { body: { refresh_token } }));
assert.notEqual(tokens.refresh_token, refresh_token);

const wrong = { username: "ada", password: "amber-walrus-paints-9-fences" };
const problem = refused(await anyone.POST("/api/auth/login/json", { body: wrong }));
const code: Problem["code"] = "invalid_credentials";
assert.equal(problem.code, code);
// @ts-expect-error: The type of a code has the words of the server. Another word does not compile.
const misspelt: Problem["code"] = "invalid_credential";
assert.notEqual(problem.code, misspelt);

const signedOut = await as(tokens).POST("/api/auth/logout");
assert.equal(signedOut.response.status, 204);
assert.equal(refused(await as(tokens).GET("/api/auth/me")).code, "invalid_token");
console.log("the client in TypeScript has used every step");
