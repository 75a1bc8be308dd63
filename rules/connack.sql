/*---
description = "Every CONNACK, accepted or refused, as a message on `client_connack`."

[[actions]]
republish = { topic = "client_connack" }

[[tests]]
name         = "an accepted client is told with its name, user and time"
event        = { clientid = "conn", username = "u_emqx", reason_code = "success", timestamp = 1645003578856 }
expect_exact = [{ clientid = "conn", username = "u_emqx", reason_code = "success", timestamp = 1645003578856 }]

[[tests]]
name   = "a refused client is told with its reason"
event  = { clientid = "conn", reason_code = "bad_username_or_password", success = false }
expect = [{ clientid = "conn", reason_code = "bad_username_or_password" }]
---*/
SELECT clientid, username, reason_code, timestamp
FROM "$events/client_connack"
