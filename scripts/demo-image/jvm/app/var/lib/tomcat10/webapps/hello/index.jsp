<%@ page contentType="application/json" import="java.util.UUID" %>
{ "status": "ok", "id": "<%= UUID.randomUUID() %>" }
