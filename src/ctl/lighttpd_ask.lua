
-- Asked is who has this header, and it is only ever set here: what the client sent by that name is nothing.  Looked at
-- once a request, for rewriting and the gateway's own answer begin it anew.
local function run(r)
  env, head = r.req_env, r.req_header
  if env["WARDEN_LOOKED"] then return 0 end
  env["WARDEN_LOOKED"] = "1"
  local wanted = not is_off() and select(2, look()) and "yes" or ""
  if (head[ASK] or "") == wanted then return 0 end
  head[ASK] = wanted
  return RESTART
end
