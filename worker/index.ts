export default { fetch: async (): Promise<Response> => new Response("millrace") };
