# The convert step for what Lambda has no time for: on Fargate by the state machine's own choice, or on any host. One task,
# told by the environment, and it ends (functions/convert/worker.ts).
FROM public.ecr.aws/docker/library/node:24-bookworm-slim
WORKDIR /sluice
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY functions functions
COPY shared shared
USER node
CMD ["node", "functions/convert/worker.ts"]
